//! Tables on pages: a column is its heading and its cell together.

use maud::{Markup, html};

/// A column of a table whose rows are `R`.
pub struct Column<'a, R> {
    heading: &'static str,
    /// Numbers are aligned to the right.
    is_number: bool,
    cell: Box<dyn Fn(&R) -> Markup + 'a>,
}

pub fn text<'a, R>(heading: &'static str, cell: impl Fn(&R) -> Markup + 'a) -> Column<'a, R> {
    Column { heading, is_number: false, cell: Box::new(cell) }
}

pub fn number<'a, R>(heading: &'static str, cell: impl Fn(&R) -> Markup + 'a) -> Column<'a, R> {
    Column { heading, is_number: true, cell: Box::new(cell) }
}

/// A table with a caption for screen readers. On a phone each row is a card with the columns' headings as labels.
pub fn table<R>(caption: &str, rows: &[R], columns: &[Column<'_, R>]) -> Markup {
    html! {
        div.table-wrap role="region" aria-label=(caption) tabindex="0" {
            table {
                caption.hidden { (caption) }
                thead { tr { @for c in columns { th scope="col" class=[c.is_number.then_some("num")] { (c.heading) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for c in columns {
                                // One element, shown next to the label on a phone.
                                td class=[c.is_number.then_some("num")] data-label=(c.heading) { div { ((c.cell)(row)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_its_heading_and_its_cells() {
        type Row = (&'static str, i64);
        let columns = [text("Name", |r: &Row| html! { (r.0) }), number("Many", |r: &Row| html! { (r.1) })];
        let shown = table("<c>", &[("\"><script>", 1), ("b", 2)], &columns).0;
        assert!(!shown.contains("<script>") && !shown.contains("<c>"), "{shown}");
        let cell = "<td class=\"num\" data-label=\"Many\"><div>2</div></td>";
        assert!(shown.contains("<th scope=\"col\">Name</th>") && shown.contains(cell), "{shown}");
    }
}
