/* Trait: nothing at all. What remains is what the allocator costs a program that does not need it. */
int main(void)
{
    return 0;
}
