# needs: z3
# limit: 120
{
    n=13
    for ((i = 0; i < n; i++)); do echo "(declare-const q$i Int)(assert (and (>= q$i 0) (< q$i $n)))"; done
    for ((i = 0; i < n; i++)); do for ((j = 0; j < i; j++)); do
        echo "(assert (and (distinct q$i q$j) (distinct (- q$i q$j) $((i - j))) (distinct (- q$j q$i) $((i - j)))))"
    done; done
    echo '(check-sat)'
} >queens.smt2
z3 queens.smt2
cat >bits.smt2 <<'END'
(set-logic QF_BV)
(declare-fun a () (_ BitVec 20)) (declare-fun b () (_ BitVec 20))
(assert (= (bvmul a b) #xABCDF)) (assert (bvult #x00001 a)) (assert (bvult a b)) (assert (= ((_ extract 19 10) a) #b0000000000))
(check-sat)
(reset)
(declare-fun x () (_ BitVec 16)) (declare-fun y () (_ BitVec 16))
(assert (not (= (bvadd (bvxor x y) (bvmul (bvand x y) #x0002)) (bvadd x y))))
(check-sat)
(reset)
(declare-fun f (Int) Int) (declare-const u Int)
(assert (forall ((i Int)) (! (= (f (+ i 1)) (+ (f i) 2)) :pattern ((f i)))))
(assert (= (f 0) 0)) (assert (distinct (f 3) 6))
(check-sat)
(simplify (* (+ u 1) (+ u 2) 0))
(nonsense)
END
z3 -T:60 bits.smt2; echo "code $?"
