//! Why a customer was not credited to the partner: the questions, the answers, and what operators reply.

use crate::engine::attribution::reason::LossReason;
pub use crate::pages::text::partner::common::DATE;

pub const TITLE: &str = "Why not credited?";
pub const LEAD: &str = "Look up why a customer isn't yours. You see only customers who came with your links or codes.";
pub const LINK: &str = "Is someone missing?";

// The form.
pub const CODE: &str = "Your code or link";
pub const CODE_HINT: &str = "The one that the customer used.";
pub const DAY: &str = "Day";
pub const DAY_HINT: &str = "When the customer signed up or used your code.";
pub const CUSTOMER: &str = "Customer";
pub const CUSTOMER_HINT: &str = "The domain of the customer's email address, such as acme.com, or the account ID. It finds the customer on any day.";
pub const LOOK_UP: &str = "Look up";
pub const ENTER_CODE: &str = "Enter your code or link";
pub const ENTER_WHEN_OR_WHO: &str = "Enter a day or a customer";
pub const ENTER_DAY: &str = "Enter a day such as 2026-05-20";
pub const TOO_LONG: &str = "This is too long";

pub fn left(number: &str) -> String {
    format!("Lookups left today: {number}.")
}

/// The eleventh question of a day.
pub fn none_left(per_day: &str, when: &str) -> String {
    format!("You've looked up {per_day} customers today. You can look up more from {when}.")
}

// Earlier questions.
pub const EARLIER: &str = "Your lookups";
pub const LOOKED_UP: &str = "Looked up";
pub const STATUS: &str = "Status";
pub const ANSWERED: &str = "Answered";
pub const SENT: &str = "Sent to the program";
pub const REPLIED: &str = "The program replied";

// The answer.
pub const ANSWER: &str = "What we found";
pub const NOTHING: &str =
    "We found no customer of yours here. We can only tell you about customers who came with your links or codes.";
pub const MORE: &str = "There are more. These are the first.";
pub const NOT_YOUR_CODE: &str = "This is not one of your codes.";
pub const CODE_WORKS: &str = "Your code works.";
pub const NEW_LOOKUP: &str = "Look up something else";

pub fn code_does_not_work(why: LossReason) -> String {
    format!("Your code doesn't work now. {}", self::why(why))
}

pub fn visits(number: &str, day: &str) -> String {
    format!("Visits through it on {day} (UTC): {number}.")
}

pub fn signed_up(name: &str, day: &str) -> String {
    format!("{name} signed up {day}.")
}

pub fn not_signed_up(name: &str) -> String {
    format!("{name} hasn't signed up yet.")
}

pub const CREDITED: &str = "Credited to you.";
pub const NOT_CREDITED: &str = "Not credited to you.";
pub const UNDER_REVIEW: &str = "This sign-up is under review. Its earnings are on hold.";
pub const REJECTED: &str = "After a review, this sign-up earns nothing.";
pub const UNDECIDED: &str = "New activity isn't included yet. Look again in a few minutes.";
pub const ELSEWHERE: &str = "Something that counts before your touch decided.";

/// Before the reason why a touch or code of the partner did not decide.
pub fn your_code(code: &str, day: Option<&str>) -> String {
    day.map_or_else(|| format!("Your code {code}: "), |day| format!("Your code {code}, {day}: "))
}

/// Why a touch or code of the partner did not decide, without who else it was.
pub fn why(reason: LossReason) -> &'static str {
    use LossReason::*;
    match reason {
        UnknownCode | CodeGone => "No link has this code.",
        CodeNotAccepted => "The program doesn't take typed codes.",
        SecondCode => "The customer gave another code first.",
        LaterTouch | LaterTouchInGroup => "The customer used another link later, and the last one counts.",
        EarlierTouch => "The customer used another link earlier, and the first one counts.",
        OtherMethod => "The customer also gave something that counts before it, such as a typed code.",
        SecondInvitation => "Somebody else invited this company first.",
        SeveralPartners => "Visits from the same device came through several partners.",
        AfterSignUp => "The customer had signed up before that.",
        OutsideWindow => "It was too long before the sign-up for the program's attribution window.",
        DisclosureMissing => "You hadn't accepted the disclosure.",
        CodeChosenLater => "You chose this code later.",
        LinkExpired => "The link had expired.",
        LinkDisabled => "The link was turned off.",
        PartnerLeft => "You had left the program.",
        PartnerSuspended | PartnerBanned => "You were suspended from the program.",
        NoSignUp => "Only a sign-up is attributed.",
        ProgramNotInForce => "The program wasn't running.",
        AssignedByOperator => "The program decided about this customer by hand.",
        AlreadyBound => "The customer was attributed before that.",
        NotAtSignUp => "A visit counts at the sign-up, and the customer had signed up before.",
        OtherMethods => "The program attributes customers in other ways.",
    }
}

// The question to the program.
pub const ASK: &str = "Ask the program";
pub const ASK_LEAD: &str = "If you think that this is wrong, tell the program why. It gets your message with what you looked up and what we found.";
pub const MESSAGE: &str = "Message";
pub const ENTER_MESSAGE: &str = "Enter a message of at most 1,000 characters";
pub const SEND: &str = "Send";
pub const YOUR_MESSAGE: &str = "Your message";
pub const NO_REPLY_YET: &str = "The program hasn't replied yet. You'll get the reply by email.";
pub const REPLY: &str = "The program's reply";
