//! Products of a catalogue: within WhatsApp's limits. Pure.

use std::collections::HashSet;

use super::interactive::{InteractiveLimits, UnfitContent, check_id, one_line};
use crate::domain::Products;

/// How a provider offers products: one by itself, or several in sections.
#[derive(Debug, Clone, Copy)]
pub struct ProductAbility {
    /// Limits of the texts around them; the label is the title of a section.
    pub limits: InteractiveLimits,
    /// Maximum products of a message.
    pub max_products: usize,
    /// Maximum sections.
    pub max_sections: usize,
    /// Maximum length of a product's id, in characters.
    pub max_id: usize,
}

impl ProductAbility {
    /// WhatsApp's own limits:
    /// <https://developers.facebook.com/docs/whatsapp/cloud-api/guides/sell-products-and-services/share-products>.
    pub(super) const WHATSAPP: Self = Self {
        limits: InteractiveLimits { max_label: 24, ..InteractiveLimits::WHATSAPP },
        max_products: 30,
        max_sections: 10,
        max_id: 100,
    };

    /// Checks products that are to be queued.
    pub(super) fn check(&self, products: &Products) -> Result<(), UnfitContent> {
        let Products { body, header, footer, catalog, sections, .. } = products;
        check_id("id of the catalogue", catalog)?;
        let all: Vec<_> = sections.iter().flat_map(|section| &section.products).collect();
        let are_filled = sections.iter().all(|section| !section.products.is_empty());
        if !(1..=self.max_products).contains(&all.len())
            || sections.len() > self.max_sections
            || !are_filled
        {
            let (most, sections) = (self.max_products, self.max_sections);
            return Err(UnfitContent::Products { count: all.len(), most, sections });
        }
        let mut known = HashSet::new();
        for id in all {
            one_line(&format!("product `{id}`"), id, self.max_id)?;
            if !known.insert(id) {
                return Err(UnfitContent::SameProduct(id.clone()));
            }
        }
        self.limits.check_around(body, header.as_deref(), footer.as_deref())?;
        if products.single().is_some() {
            return Ok(());
        }
        if header.is_none() || body.trim().is_empty() {
            return Err(UnfitContent::NoHeader);
        }
        for section in sections {
            match &section.title {
                Some(title) => {
                    one_line(&format!("title `{title}`"), title, self.limits.max_label)?;
                }
                None if sections.len() > 1 => return Err(UnfitContent::NoTitle),
                None => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ProductSection;

    fn section(title: Option<&str>, products: &[&str]) -> ProductSection {
        let products = products.iter().map(|id| (*id).to_owned()).collect();
        ProductSection { title: title.map(str::to_owned), products }
    }

    fn check(sections: Vec<ProductSection>, header: Option<&str>) -> Result<(), UnfitContent> {
        let mut products = Products::new("Look", "77", sections);
        products.header = header.map(str::to_owned);
        ProductAbility::WHATSAPP.check(&products)
    }

    #[test]
    fn one_product_goes_by_itself_and_several_under_a_header() {
        let bare = Products::new("", "77", vec![section(None, &["lamp 1"])]);
        assert_eq!(ProductAbility::WHATSAPP.check(&bare), Ok(()));
        let two = || vec![section(None, &["a", "b"])];
        assert_eq!(check(two(), Some("New")), Ok(()));
        assert_eq!(check(two(), None), Err(UnfitContent::NoHeader));
        let titled = |title| vec![section(Some("A"), &["a"]), section(title, &["b"])];
        assert_eq!(check(titled(Some("B")), Some("New")), Ok(()));
        assert_eq!(check(titled(None), Some("New")), Err(UnfitContent::NoTitle));
    }

    #[test]
    fn limits_are_whatsapp_s() {
        let many: Vec<_> = (0..31).map(|n| n.to_string()).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(check(vec![section(None, &many[..30])], Some("New")), Ok(()));
        for wrong in [vec![section(None, &many)], Vec::new(), vec![section(None, &[])]] {
            let refused = check(wrong, Some("New"));
            assert!(matches!(refused, Err(UnfitContent::Products { most: 30, .. })), "{refused:?}");
        }
        let sections = (0..11).map(|n| section(Some("T"), &[many[n]])).collect();
        let refused = check(sections, Some("New"));
        assert!(matches!(refused, Err(UnfitContent::Products { sections: 10, .. })));
        let twice = check(vec![section(None, &["a", "a"])], Some("New"));
        assert_eq!(twice, Err(UnfitContent::SameProduct("a".into())));
        let long = check(vec![section(Some(&"x".repeat(25)), &["a"])], Some("New"));
        assert!(matches!(long, Err(UnfitContent::TooLong { most: 24, .. })));
        let elsewhere = Products::new("", "77/..", vec![section(None, &["a"])]);
        let refused = ProductAbility::WHATSAPP.check(&elsewhere);
        assert_eq!(refused, Err(UnfitContent::Id("id of the catalogue")));
    }
}
