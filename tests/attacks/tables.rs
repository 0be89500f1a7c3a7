//! The tables of pages, read from the source, so that a new page is attacked without being listed here. (The API's
//! routes are data: `manicule::http::route::ROUTES`.)

/// One page or form. Path segments that are parameters are empty here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub method: &'static str,
    parts: Vec<String>,
    /// What it requires of an operator: `Look`, or the name of a scope.
    pub need: String,
}

impl Page {
    /// Its path with each parameter replaced by the next of `values`, and by the last one after that.
    pub fn path(&self, values: &[&str]) -> String {
        let mut values = values.iter();
        let mut last = "none";
        let mut path = String::new();
        for part in &self.parts {
            path.push('/');
            if part.is_empty() {
                last = values.next().copied().unwrap_or(last);
                path.push_str(&super::browser::escaped(last));
            } else {
                path.push_str(part);
            }
        }
        path
    }

    pub fn parameters(&self) -> usize {
        self.parts.iter().filter(|part| part.is_empty()).count()
    }
}

pub fn operators() -> Vec<Page> {
    let text = include_str!("../../src/pages/operator/mod.rs");
    let (shown, sent) = text.split_once("fn form<").expect("the table of forms");
    let of = |text: &str, method| -> Vec<Page> {
        let rows = arms(text).into_iter().map(|(pattern, rest)| {
            let need = rest.split("Need::").nth(1).expect("what it needs");
            let need = need.strip_prefix("Act(Scope::").unwrap_or(need);
            let need = need.split(|c: char| !c.is_alphabetic()).next().expect("a name").to_lowercase();
            Page { method, parts: parts(&format!("\"operator\", {pattern}")), need }
        });
        rows.collect()
    };
    let mut all = of(shown, "GET");
    all.extend(of(sent, "POST"));
    complete(&[text], all)
}

pub fn partners() -> Vec<Page> {
    let own = include_str!("../../src/pages/partner/mod.rs");
    let texts = [
        include_str!("../../src/pages/program/partner_programs.rs"),
        include_str!("../../src/pages/partner/settings.rs"),
        include_str!("../../src/pages/partner/join.rs"),
    ];
    let mut all = keyed(own, "\"partner\", ");
    all.extend(texts.iter().flat_map(|text| keyed(text, "")));
    complete(&[own, texts[0], texts[1], texts[2]], all)
}

pub fn sign_in() -> Vec<Page> {
    let text = include_str!("../../src/pages/identity/sign_in.rs");
    complete(&[text], keyed(text, ""))
}

pub fn everywhere() -> Vec<Page> {
    [operators(), partners(), sign_in()].concat()
}

/// Rows such as `("GET" | "POST", ["share"]) => …`.
fn keyed(text: &str, before: &str) -> Vec<Page> {
    let rows = arms(text).into_iter().flat_map(|(pattern, _)| {
        let (methods, path) = pattern.split_once(", [").unwrap_or_else(|| panic!("{pattern}"));
        let parts = parts(&format!("{before}{}", path.trim_end_matches([']', ')'])));
        let methods = ["GET", "POST"].into_iter().filter(|m| methods.contains(m)).collect::<Vec<_>>();
        methods.into_iter().map(move |method| Page { method, parts: parts.clone(), need: String::new() })
    });
    rows.collect()
}

/// Each arm of a match on paths: the text within its brackets, and the text up to the next arm.
fn arms(text: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let pattern = |line: &str| {
        let line = line.trim_start();
        let begins = line.starts_with("[\"") || line.starts_with("[]") || line.starts_with("(\"");
        let (pattern, _) = line.split_once(" => ").filter(|_| begins)?;
        Some(pattern.trim_start_matches(['(', '[']).trim_end_matches([']', ')']).to_owned())
    };
    let at: Vec<usize> = (0..lines.len()).filter(|at| pattern(lines[*at]).is_some()).collect();
    let ends = at.iter().skip(1).copied().chain([lines.len()]);
    at.iter()
        .zip(ends)
        .map(|(from, to)| (pattern(lines[*from]).unwrap_or_default(), lines[*from..to].join("\n")))
        .collect()
}

fn parts(list: &str) -> Vec<String> {
    let words = list.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| word.strip_prefix('"').map(|w| w.trim_end_matches('"').to_owned()).unwrap_or_default()).collect()
}

/// The pages. Panics if a page in use is missing from these texts.
fn complete(texts: &[&str], pages: Vec<Page>) -> Vec<Page> {
    let at_work: usize = texts.iter().map(|text| text.matches("Box::pin(").count()).sum();
    let twice = pages.iter().filter(|page| page.path(&["*"]) == "/partner/share" && page.method == "POST").count();
    assert_eq!(pages.len() - twice, at_work, "a page that this cannot read: {pages:#?}");
    pages
}
