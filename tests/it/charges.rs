//! What WhatsApp reports of the prices of messages is counted in the overview, with what they cost.

use serde_json::{Value, json};

use crate::delivery::says;
use crate::support::app::{MAIN, Setup, TestApp, on_both};
use crate::support::hooks::ACCOUNT;

/// A status of a sent message with its price.
pub(crate) async fn priced(
    app: &TestApp,
    id: &str,
    status: &str,
    (category, billable): (&str, bool),
) {
    let pricing = json!({"billable": billable, "pricing_model": "PMP", "category": category, "type": "regular"});
    let status = json!({"id": id, "status": status, "timestamp": "1790000000", "recipient_id": "1", "pricing": pricing});
    let metadata = json!({"display_phone_number": "15550783881", "phone_number_id": MAIN});
    let value =
        json!({"messaging_product": "whatsapp", "metadata": metadata, "statuses": [status]});
    let change = json!({"field": "messages", "value": value});
    let hook = json!({"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT, "changes": [change]}]});
    app.deliver(hook.to_string().as_bytes()).await;
}

async fn charges(app: &TestApp) -> Value {
    app.get("/overview").await["charges"].clone()
}

on_both! {
    async fn prices_are_counted_by_category_once_for_each_message(db) {
        let prices = "[message_prices]\ngeneral_purpose_ai = 0.0045";
        let app = Setup::on(db).with(prices).start().await;
        assert_eq!(charges(&app).await, json!([]));
        for (at, customer) in ["447700980501", "447700980502", "447700980503"].iter().enumerate() {
            says(&app, customer, &format!("first-{at}"), "When do you open?").await;
        }
        app.settle().await;
        let sent = app.whatsapp.sent();
        for one in &sent[..2] {
            // Each status says it again.
            priced(&app, &one.id, "sent", ("general_purpose_ai", true)).await;
            priced(&app, &one.id, "delivered", ("general_purpose_ai", true)).await;
        }
        priced(&app, &sent[2].id, "delivered", ("service", false)).await;
        app.settle().await;
        assert_eq!(charges(&app).await, json!([
            {"category": "general_purpose_ai", "billable": true, "messages": 2, "cost_micros": 9000},
            {"category": "service", "billable": false, "messages": 1, "cost_micros": 0}]));
        priced(&app, &sent[2].id, "read", ("service", true)).await;
        app.settle().await;
        assert_eq!(charges(&app).await[1]["cost_micros"], json!(null), "its price is not known");
        app.stop().await;
    }
}
