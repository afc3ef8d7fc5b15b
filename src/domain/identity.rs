//! What a customer is known by. Pure.

use frontdesk_words::words;

words! {
    /// A kind of id by which a customer is known; a customer may have several of a kind.
    pub enum IdentityKind {
        /// WhatsApp id: the digits of a phone number.
        Phone = "phone",
        /// Business-scoped user id. Each business portfolio knows the customer by another one.
        Bsuid = "bsuid",
        /// LID: WhatsApp's id of a user without the phone.
        Lid = "lid",
    }
}
