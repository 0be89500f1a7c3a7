//! Labels of other scripts in ASCII (RFC 3492), without the `xn--` before them.

/// The longest label in DNS (RFC 1035).
const LABEL_MAX: usize = 63;

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;

/// `None` if it is longer than any label.
pub fn encode(label: &str) -> Option<String> {
    if label.len() > 4 * LABEL_MAX {
        return None;
    }
    let mut text: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(text.len()).ok()?;
    if basic > 0 {
        text.push('-');
    }
    let (mut next, mut delta, mut bias, mut done) = (0x80, 0u32, 72, basic);
    while let Some(least) = label.chars().map(u32::from).filter(|c| *c >= next).min() {
        delta = delta.checked_add((least - next).checked_mul(done + 1)?)?;
        for c in label.chars().map(u32::from) {
            delta += u32::from(c < least);
            if c == least {
                push_number(&mut text, delta, bias);
                bias = adapt(delta, done + 1, done == basic);
                delta = 0;
                done += 1;
            }
        }
        delta += 1;
        next = least + 1;
    }
    Some(text)
}

fn push_number(text: &mut String, mut number: u32, bias: u32) {
    for k in (1..).map(|n| n * BASE) {
        let t = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
        if number < t {
            break;
        }
        text.push(digit(t + (number - t) % (BASE - t)));
        number = (number - t) / (BASE - t);
    }
    text.push(digit(number));
}

fn digit(number: u32) -> char {
    char::from_digit(number + 10, 36).or(char::from_digit(number.saturating_sub(26), 10)).unwrap_or('a')
}

fn adapt(delta: u32, count: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / DAMP } else { delta / 2 };
    delta += delta / count;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}
