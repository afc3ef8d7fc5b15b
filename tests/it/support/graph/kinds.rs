//! Interactive messages, locations, address cards and reactions, as strict as Meta documents them;
//! PROVIDERS.md section 1.9.

use serde_json::Value;

use super::{Refusal, wrong};

/// Returns the words of a message of these kinds, or why Meta refuses it.
pub(super) fn read(kind: &str, body: &Value) -> Result<String, Refusal> {
    match kind {
        "interactive" => interactive(body),
        "location" => {
            let degrees = |key, most| body[key].as_f64().is_some_and(|at: f64| at.abs() <= most);
            require(
                degrees("latitude", 90.0) && degrees("longitude", 180.0),
                "location['latitude'] and ['longitude']",
            )?;
            only(body, &["latitude", "longitude", "name", "address"])?;
            Ok("location".to_owned())
        }
        "contacts" => {
            let cards = body.as_array().filter(|cards| (1..=257).contains(&cards.len()));
            let cards =
                cards.ok_or_else(|| wrong("Param contacts must have 1 to 257 elements."))?;
            for card in cards {
                text(&card["name"]["formatted_name"], "contacts name['formatted_name']", 1000)?;
                text(&card["name"]["first_name"], "contacts name['first_name']", 1000)?;
            }
            Ok("contacts".to_owned())
        }
        _ => {
            text(&body["message_id"], "reaction['message_id']", 200)?;
            require(body["emoji"].is_string(), "reaction['emoji']")?;
            only(body, &["message_id", "emoji"])?;
            Ok("reaction".to_owned())
        }
    }
}

fn interactive(body: &Value) -> Result<String, Refusal> {
    only(body, &["type", "header", "body", "footer", "action"])?;
    let action = &body["action"];
    let most = if body["type"] == "list" { 4096 } else { 1024 };
    // Only one product goes without a text.
    let words = if body["type"] == "product" && body["body"].is_null() {
        "product".to_owned()
    } else {
        text(&body["body"]["text"], "interactive['body']", most)?
    };
    if !body["header"].is_null() {
        require(body["header"]["type"] == "text", "interactive['header']['type']")?;
        text(&body["header"]["text"], "interactive['header']", 60)?;
    }
    if !body["footer"].is_null() {
        text(&body["footer"]["text"], "interactive['footer']", 60)?;
    }
    let mut seen = Vec::new();
    match body["type"].as_str() {
        Some("button") => {
            let buttons = list(&action["buttons"], "action['buttons']", 3)?;
            for button in buttons {
                require(button["type"] == "reply", "action['buttons'][]['type']")?;
                only(&button["reply"], &["id", "title"])?;
                seen.push((
                    text(&button["reply"]["id"], "reply['id']", 256)?,
                    text(&button["reply"]["title"], "reply['title']", 20)?,
                ));
            }
        }
        Some("list") => {
            text(&action["button"], "action['button']", 20)?;
            let sections = list(&action["sections"], "action['sections']", 10)?;
            for section in sections {
                require(
                    sections.len() == 1 || section["title"].is_string(),
                    "action['sections'][]['title']",
                )?;
                for row in list(&section["rows"], "sections[]['rows']", 10)? {
                    only(row, &["id", "title", "description"])?;
                    if !row["description"].is_null() {
                        text(&row["description"], "rows[]['description']", 72)?;
                    }
                    seen.push((
                        text(&row["id"], "rows[]['id']", 200)?,
                        text(&row["title"], "rows[]['title']", 24)?,
                    ));
                }
            }
            require(seen.len() <= 10, "action['sections'] with 10 rows in all")?;
        }
        Some("cta_url") => {
            require(action["name"] == "cta_url", "action['name']")?;
            let parameters = &action["parameters"];
            text(&parameters["display_text"], "parameters['display_text']", 20)?;
            let url = text(&parameters["url"], "parameters['url']", 2000)?;
            require(url.starts_with("http"), "parameters['url']")?;
        }
        Some("product") => {
            require(body["header"].is_null(), "interactive without a header")?;
            only(action, &["catalog_id", "product_retailer_id"])?;
            text(&action["catalog_id"], "action['catalog_id']", 100)?;
            text(&action["product_retailer_id"], "action['product_retailer_id']", 100)?;
        }
        Some("product_list") => products(body)?,
        Some("flow") => flow(action)?,
        _ => return Err(wrong("The parameter interactive['type'] is unknown.")),
    }
    for (at, (id, title)) in seen.iter().enumerate() {
        let again = seen[..at].iter().any(|(other, label)| other == id || label == title);
        require(!again, "unique ids and titles")?;
    }
    Ok(words)
}

fn products(body: &Value) -> Result<(), Refusal> {
    let action = &body["action"];
    require(body["header"]["type"] == "text", "interactive['header']")?;
    only(action, &["catalog_id", "sections"])?;
    text(&action["catalog_id"], "action['catalog_id']", 100)?;
    let sections = list(&action["sections"], "action['sections']", 10)?;
    let mut count = 0;
    for section in sections {
        only(section, &["title", "product_items"])?;
        if sections.len() > 1 || !section["title"].is_null() {
            text(&section["title"], "sections[]['title']", 24)?;
        }
        for item in list(&section["product_items"], "sections[]['product_items']", 30)? {
            only(item, &["product_retailer_id"])?;
            text(&item["product_retailer_id"], "product_items[]['product_retailer_id']", 100)?;
            count += 1;
        }
    }
    require(count <= 30, "action['sections'] with 30 products in all")
}

fn flow(action: &Value) -> Result<(), Refusal> {
    only(action, &["name", "parameters"])?;
    let parameters = &action["parameters"];
    require(action["name"] == "flow", "action['name']")?;
    require(parameters["flow_message_version"] == "3", "parameters['flow_message_version']")?;
    for (key, most) in [("flow_token", 200), ("flow_id", 100), ("flow_cta", 30)] {
        text(&parameters[key], key, most)?;
    }
    let payload = &parameters["flow_action_payload"];
    match parameters["flow_action"].as_str() {
        Some("navigate") if payload.is_null() => Ok(()),
        Some("navigate") => text(&payload["screen"], "payload['screen']", 100).map(drop),
        Some("data_exchange") => require(payload.is_null(), "no flow_action_payload"),
        _ => Err(wrong("The parameter flow_action is unknown.")),
    }
}

fn require(fits: bool, what: &str) -> Result<(), Refusal> {
    fits.then_some(()).ok_or_else(|| wrong(&format!("The parameter {what} is required.")))
}

/// Refuses keys that Meta does not know here.
fn only(body: &Value, keys: &[&str]) -> Result<(), Refusal> {
    let unknown =
        body.as_object().into_iter().flatten().find(|(key, _)| !keys.contains(&key.as_str()));
    unknown.map_or(Ok(()), |(key, _)| Err(wrong(&format!("Unexpected key \"{key}\"."))))
}

fn text(value: &Value, what: &str, most: usize) -> Result<String, Refusal> {
    let fits = |text: &&str| (1..=most).contains(&text.encode_utf16().count());
    let text = value.as_str().filter(fits).map(str::to_owned);
    text.ok_or_else(|| wrong(&format!("Param {what} must have 1 to {most} characters.")))
}

fn list<'a>(value: &'a Value, what: &str, most: usize) -> Result<&'a [Value], Refusal> {
    let fits = |list: &&Vec<Value>| (1..=most).contains(&list.len());
    let list = value.as_array().filter(fits).map(Vec::as_slice);
    list.ok_or_else(|| wrong(&format!("Param {what} must have 1 to {most} elements.")))
}
