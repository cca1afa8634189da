/* misuse.c: the findings of this process in a report that the library itself writes. */
#include "entry.h"

#include "os.h"

static size_t findings_bytes; /* of the one report under way */

static const char *string_at(uint32_t offset)
{
    return (const char *)mr_writer_entries(MR_SECTION_STRINGS) + offset;
}

static struct mr_report_finding report_of(const struct mr_ledger_finding *finding)
{
    return (struct mr_report_finding){
        .kind = mr_finding_name(finding->kind),
        .message = string_at(finding->message),
        .count = finding->count,
        .address = finding->address,
        .size = finding->size,
        .ms = finding->ms,
        .stack = finding->stack,
        .allocation_stack = finding->allocation_stack,
        .free_stack = finding->free_stack,
    };
}

/* Without memory for them there are the lines that were told as they were met. */
void mr_misuse_fill(struct mr_report *report)
{
    size_t count = mr_writer_header ? mr_writer_count(MR_SECTION_FINDINGS) : 0;
    const struct mr_ledger_finding *all = count ? mr_writer_entries(MR_SECTION_FINDINGS) : NULL;
    findings_bytes = mr_align_up(count * sizeof(struct mr_report_finding), mr_os_page);
    struct mr_report_finding *rows = count ? mr_vm_reserve(findings_bytes, mr_os_page) : NULL;
    if (!rows || !mr_vm_commit(rows, findings_bytes))
        return;
    for (size_t i = 0; i < count; i++)
        rows[i] = report_of(&all[i]);
    report->findings = rows;
    report->finding_count = count;
    report->frames = mr_sites_frames;
}

void mr_misuse_release(struct mr_report *report)
{
    if (report->findings)
        mr_vm_release((void *)(uintptr_t)report->findings, findings_bytes);
}
