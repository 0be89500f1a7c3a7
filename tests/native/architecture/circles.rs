//! Circular imports among the files of a layer: two files that need each other do one job in two places.
//!
//! A file imports another if a path in its code leads there: `use`, a re-export, or a path written out. `mod child;`
//! alone does not count.

use crate::architecture::source::Source;
use std::collections::{BTreeMap, BTreeSet};

/// A module by its path below `src`: `["http", "link", "redirect"]`.
type Module = Vec<String>;

/// The files that import each other in a circle, each circle as one text.
pub fn circles(files: &[(String, Source)]) -> Vec<String> {
    let modules: BTreeMap<Module, &str> = files.iter().map(|(path, _)| (module(path), path.as_str())).collect();
    let imports: BTreeMap<&str, BTreeSet<&str>> = files
        .iter()
        .map(|(path, source)| {
            let own = module(path);
            let reached = imported(&own, &source.code, &modules).into_iter().filter(|m| m[0] == own[0] && *m != own);
            (path.as_str(), reached.map(|m| modules[&m]).collect())
        })
        .collect();
    let reach: BTreeMap<&str, BTreeSet<&str>> = imports.keys().map(|path| (*path, reachable(path, &imports))).collect();
    let (mut found, mut done) = (Vec::new(), BTreeSet::new());
    for path in imports.keys().filter(|path| reach[*path].contains(*path)) {
        let circle: BTreeSet<&str> = reach[path].iter().copied().filter(|other| reach[other].contains(path)).collect();
        if done.insert(circle.clone()) {
            found.push(circle.into_iter().collect::<Vec<_>>().join(", "));
        }
    }
    found
}

fn module(path: &str) -> Module {
    let path = path.strip_suffix("/mod.rs").or(path.strip_suffix(".rs")).unwrap_or(path);
    path.split('/').map(str::to_owned).collect()
}

/// All files reachable from a file. It includes the file itself only if there is a circle.
fn reachable<'a>(path: &'a str, imports: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let (mut found, mut open) = (BTreeSet::new(), vec![path]);
    while let Some(next) = open.pop() {
        open.extend(imports[next].iter().copied().filter(|other| found.insert(*other)));
    }
    found
}

/// The modules that the paths of a file lead to.
fn imported(own: &Module, code: &str, modules: &BTreeMap<Module, &str>) -> BTreeSet<Module> {
    let (uses, rest) = split_uses(code);
    let mut named: BTreeMap<String, Module> = BTreeMap::new();
    for child in declared(&rest) {
        named.insert(child.clone(), [own.clone(), vec![child]].concat());
    }
    let mut found = BTreeSet::new();
    let imports: Vec<(Module, String)> = uses.iter().flat_map(|tree| flatten(tree, &[])).collect();
    // Twice, because an import may begin at a module that a later one names.
    for _ in 0..2 {
        for (path, name) in &imports {
            match resolve(own, path, &named).and_then(|full| target(full, modules)) {
                // A module itself does not count: paths in the code show which of its items are used.
                Some((module, true)) => drop(named.insert(name.clone(), module)),
                Some((module, false)) => drop(found.insert(module)),
                None => {}
            }
        }
    }
    let written = paths(&rest).into_iter().filter_map(|path| resolve(own, &path, &named));
    found
        .extend(written.filter_map(|full| target(full, modules)).filter(|(_, whole)| !whole).map(|(module, _)| module));
    found
}

/// The trees behind `use`, and the code without them.
fn split_uses(code: &str) -> (Vec<String>, String) {
    let (mut uses, mut rest, mut left) = (Vec::new(), String::new(), code);
    while let Some(at) = word_at(left, "use") {
        let end = left[at..].find(';').map_or(left.len(), |length| at + length);
        uses.push(left[at + "use".len()..end].to_owned());
        rest.push_str(&left[..at]);
        left = &left[end..];
    }
    rest.push_str(left);
    (uses, rest)
}

/// The positions of a word that stands alone and is followed by whitespace.
fn word_at(text: &str, word: &str) -> Option<usize> {
    text.match_indices(word).map(|(at, _)| at).find(|at| {
        let before = text[..*at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_word) && after.is_some_and(char::is_whitespace)
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The modules of `mod child;`.
fn declared(code: &str) -> Vec<String> {
    let lines = code.lines().filter_map(|line| line.trim().strip_suffix(';'));
    lines.filter_map(|line| line.rsplit_once("mod ").map(|(_, name)| name.trim().to_owned())).collect()
}

/// The paths of `a::{b, c::d as e}`, each with its local name.
fn flatten(tree: &str, before: &[String]) -> Vec<(Module, String)> {
    let tree = tree.trim();
    if let Some((head, group)) = tree.split_once('{') {
        let path = [before, &segments(head)].concat();
        let group = group.trim_end().strip_suffix('}').unwrap_or(group);
        return split_top(group).iter().flat_map(|part| flatten(part, &path)).collect();
    }
    if tree.is_empty() {
        return Vec::new();
    }
    let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias.trim())));
    let mut path = [before, &segments(path)].concat();
    if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
        path.pop();
    }
    let name = alias.map_or_else(|| path.last().cloned().unwrap_or_default(), str::to_owned);
    vec![(path, name)]
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// A group's parts, cut at the commas outside of inner groups.
fn split_top(group: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in group.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match parts.last_mut() {
            Some(part) if c != ',' || depth > 0 => part.push(c),
            _ => parts.push(String::new()),
        }
    }
    parts
}

/// The paths written out in code: words joined by `::`.
fn paths(code: &str) -> Vec<Module> {
    let words = code.split(|c: char| !is_word(c) && c != ':').filter(|text| text.contains("::"));
    words.map(segments).filter(|path| path.len() > 1).collect()
}

/// A path from the crate's root, or `None` if it leads elsewhere.
fn resolve(own: &Module, path: &Module, named: &BTreeMap<String, Module>) -> Option<Module> {
    let (head, rest) = path.split_first()?;
    match head.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some([own, rest].concat()),
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            Some([&own[..own.len().checked_sub(ups)?], &path[ups..]].concat())
        }
        _ => named.get(head).map(|module| [module, rest].concat()),
    }
}

/// The file that a path leads to, and whether the path names the file as a whole.
fn target(path: Module, modules: &BTreeMap<Module, &str>) -> Option<(Module, bool)> {
    let length = (1..=path.len()).rev().find(|length| modules.contains_key(&path[..*length]))?;
    Some((path[..length].to_vec(), length == path.len()))
}
