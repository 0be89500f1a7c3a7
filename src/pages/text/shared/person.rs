//! What is held about a person, and erasing it.

pub const YES: &str = "yes";
pub const NO: &str = "no";

pub const HELD: &str = "Personal data";
pub const HELD_LEAD: &str = "Everything that is stored about this person. A copy as JSON is available from the API.";
pub const ERASE: &str = "Erase personal data";
pub const ERASE_PARTNER_EFFECT: &str = "Name, address, website, notes, questions and sessions are erased, and so is what operators wrote \
                                        about the partner. The partner leaves the program and its links stop working. The ledger, \
                                        payouts and referred accounts stay, under the partner's id, and what is owed is still paid. \
                                        You can't undo this.";
pub const ERASE_ACCOUNT_EFFECT: &str = "Addresses, names and visitor ids are erased, and so is what operators and partners wrote about the \
                                        account. Its attribution and the earnings from it stay. You can't undo this.";
pub const CONFIRM_ID: &str = "Enter the id to confirm";
pub const ERASED: &str = "Personal data erased.";
pub const ERASING: &str =
    "Personal data erased. Old clicks are still being looked through; this finishes within minutes.";

pub const ERASE_OWN: &str = "Erase my data";
pub const ERASE_OWN_EFFECT: &str = "We erase your name, address, website, questions and sessions. You leave the program, your links stop \
                                    working, and you can't sign in any more. What you are owed is still paid to your Stripe account. \
                                    You can't undo this.";
pub const OWN_ERASED: &str = "Your data is erased.";

pub fn id_hint(id: &str) -> String {
    format!("The id is {id}.")
}

pub fn wrong_id(id: &str) -> String {
    format!("Enter the id exactly: {id}.")
}
