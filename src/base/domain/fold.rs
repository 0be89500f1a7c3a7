//! The same text for what looks and reads the same: case, wide letters, invisible characters, letters with separate
//! accents. A part of Unicode's rules (UTS 46): its tables would be as large as all lists of this folder together.

/// Without surrounding space and invisible characters, in lower case.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let shown = text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c)).chars();
    for c in shown.filter(|c| !is_invisible(*c)).flat_map(|c| narrow(c).to_lowercase()) {
        match folded.chars().next_back().and_then(|base| composed(base, c)) {
            Some(letter) => {
                folded.pop();
                folded.push(letter);
            }
            None => folded.push(c),
        }
    }
    folded
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{fe00}'..='\u{fe0f}')
}

/// Wide forms of ASCII, and the full stops of other scripts.
fn narrow(c: char) -> char {
    match c {
        '\u{3002}' | '\u{ff61}' => '.',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// The letters of Latin and Cyrillic languages: an accent, the letters that it joins, and what they become.
const COMPOSED: [(char, &str, &str); 13] = [
    ('\u{300}', "aeiounwy", "àèìòùǹẁỳ"),
    ('\u{301}', "aeiouycnlrszgkmpw", "áéíóúýćńĺŕśźǵḱḿṕẃ"),
    ('\u{302}', "aeioucghjswyz", "âêîôûĉĝĥĵŝŵŷẑ"),
    ('\u{303}', "anoiuevy", "ãñõĩũẽṽỹ"),
    ('\u{304}', "aeiou", "āēīōū"),
    ('\u{306}', "aegiouи", "ăĕğĭŏŭй"),
    ('\u{307}', "cegz", "ċėġż"),
    ('\u{308}', "aeiouyеі", "äëïöüÿёї"),
    ('\u{30a}', "au", "åů"),
    ('\u{30b}', "ou", "őű"),
    ('\u{30c}', "cdenrstz", "čďěňřšťž"),
    ('\u{327}', "cegklnrst", "çȩģķļņŗşţ"),
    ('\u{328}', "aeiu", "ąęįų"),
];

fn composed(base: char, accent: char) -> Option<char> {
    let (_, bases, letters) = COMPOSED.iter().find(|(mark, _, _)| *mark == accent)?;
    letters.chars().nth(bases.chars().position(|c| c == base)?)
}
