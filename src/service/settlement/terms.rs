//! What a run finds about partners before it settles: the modifiers that they have earned, and what monthly caps remove.
//! It looks at those of whom something changed since the last run, page by page. The first run of a program, and the
//! first after its modifiers changed, marks all partners before that.

use crate::base::ids::ProgramId;
use crate::engine::settlement::TermsPart;
use crate::program::catalog::Catalog;
use crate::program::compiled::Program;
use crate::service::context::{Context, Ports};
use crate::store::accrual::{caps, marks, modifiers};
use crate::store::port::{DbError, Stmt};
use crate::store::settlement::page::{MARKED_PAGE, PARTNER_PAGE, PageEnd, PartnerPage, marked_page, partner_page};
use crate::store::settlement::run::RunRow;

/// What a page writes, and where the next one begins; `None` after the last.
pub type TermsPage = (Vec<Stmt>, Option<String>);

/// Begins the place in a part where all partners are being marked.
const MARKING: char = '*';

/// The statements of a page, in addition to the run's own step: what is looked for, the page, and eight that write.
pub const PAGE_STATEMENTS: u64 = 10;

/// What a program's run looks for before modifiers add accruals. Caps whose room modifiers share come after that.
pub fn parts(catalog: &Catalog, program: &ProgramId) -> Vec<TermsPart> {
    let any = |has: fn(&Program) -> bool| catalog.versions(program).any(has);
    let mut parts = Vec::new();
    if any(|p| !p.modifiers.is_empty()) {
        parts.push(TermsPart::Modifiers);
    }
    if any(|p| p.month_caps().next().is_some()) && !any(Program::caps_modifiers) {
        parts.push(TermsPart::Caps);
    }
    parts
}

/// The next page of a part, at a place that the page before returned, or at the beginning, ''.
pub async fn page<P: Ports>(
    ctx: &Context<'_, P>,
    run: &RunRow,
    part: TermsPart,
    place: &str,
) -> Result<TermsPage, DbError> {
    let catalog = ctx.programs().await?;
    let sought = match part {
        TermsPart::Modifiers => modifiers::search_of(&catalog, &run.program_id, run.as_of_ms),
        // Accruals keep the caps of their versions, and those of new versions are marked as they come.
        TermsPart::Caps => part.name().to_owned(),
    };
    if place.is_empty() {
        let known = ctx.read(marks::search_find(&run.program_id, part).first()).await?;
        if known.is_none_or(|known| known.sought != sought) {
            let mut written = mark(ctx, run, part, "", &sought).await?;
            written.0.insert(0, marks::search_write(&run.program_id, part, ""));
            return Ok(written);
        }
    }
    if let Some(after) = place.strip_prefix(MARKING) {
        return mark(ctx, run, part, after, &sought).await;
    }
    let limit = ctx.page(MARKED_PAGE);
    let (page, is_last) = of(place, limit, ctx.read(marked_page(&run.program_id, part, place, limit).first()).await?);
    let statements = match part {
        TermsPart::Modifiers => modifiers::refresh(run, &catalog, &page, ctx.now),
        TermsPart::Caps => caps::caps_refresh(run, &catalog, &page, ctx.now),
    };
    Ok((statements, (!is_last).then(|| page.until.to_string())))
}

/// Marks the next partners. After the last, the part begins.
async fn mark<P: Ports>(
    ctx: &Context<'_, P>,
    run: &RunRow,
    part: TermsPart,
    after: &str,
    sought: &str,
) -> Result<TermsPage, DbError> {
    let limit = ctx.page(PARTNER_PAGE);
    let (page, is_last) = of(after, limit, ctx.read(partner_page(&run.program_id, after, limit).first()).await?);
    let mut statements = marks::mark_all(run, part, &page);
    if is_last {
        statements.push(marks::search_write(&run.program_id, part, sought));
    }
    Ok((statements, Some(if is_last { String::new() } else { format!("{MARKING}{}", page.until) })))
}

/// A page after a partner, and whether it is the last.
pub fn of(after: &str, limit: i64, end: Option<PageEnd>) -> (PartnerPage, bool) {
    let after = after.into();
    match end {
        Some(end) => (PartnerPage { after, until: end.until }, end.found < limit),
        None => (PartnerPage { until: after.clone(), after }, true),
    }
}
