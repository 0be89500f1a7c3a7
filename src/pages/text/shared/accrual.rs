//! How an earning was calculated.

/// "20% of $290.00 = $58.00".
pub fn share(rate: &str, base: &str, amount: &str) -> String {
    format!("{rate} of {base} = {amount}")
}

/// "25% instead of 20% of $290.00 = $14.50 more".
pub fn difference(rate: &str, own: &str, base: &str, amount: &str) -> String {
    format!("{rate} instead of {own} of {base} = {amount} more")
}
