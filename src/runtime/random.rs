//! Random bytes from the runtime, fetched in pages: a call into JavaScript costs more than the bytes.

/// Bytes fetched at a time.
const PAGE: usize = 4_096;

/// A page of random bytes. Every byte is used once.
pub struct Random {
    page: Vec<u8>,
}

/// Fills `bytes` with fresh random ones.
pub fn fill(bytes: &mut [u8]) {
    if getrandom::fill(bytes).is_err() {
        // The runtime refuses only outside of a request. Predictable ids would be worse than none.
        panic!("the runtime gives no random bytes");
    }
}

impl Random {
    pub const fn new() -> Random {
        Random { page: Vec::new() }
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        const { assert!(N <= PAGE) }
        if self.page.len() < N {
            self.page.resize(PAGE, 0);
            fill(&mut self.page);
        }
        let mut out = [0; N];
        let rest = self.page.len() - N;
        out.copy_from_slice(&self.page[rest..]);
        self.page.truncate(rest);
        out
    }
}
