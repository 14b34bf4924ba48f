//! [`Rename`]: serde's rules for the names of all fields of a struct.

/// What `#[serde(rename_all = "..")]` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rename {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Rename {
    /// The rule; none if serde knows none of that name, and says so itself.
    pub(crate) fn read(text: &str) -> Option<Self> {
        Some(match text {
            "lowercase" => Rename::Lower,
            "UPPERCASE" => Rename::Upper,
            "PascalCase" => Rename::Pascal,
            "camelCase" => Rename::Camel,
            "snake_case" => Rename::Snake,
            "SCREAMING_SNAKE_CASE" => Rename::ScreamingSnake,
            "kebab-case" => Rename::Kebab,
            "SCREAMING-KEBAB-CASE" => Rename::ScreamingKebab,
            _ => return None,
        })
    }

    /// The name of a field under the rule. Serde takes it that fields are written in snake case.
    pub(crate) fn apply(self, field: &str) -> String {
        match self {
            Rename::Lower | Rename::Snake => field.to_owned(),
            Rename::Upper | Rename::ScreamingSnake => field.to_ascii_uppercase(),
            Rename::Pascal => pascal(field),
            Rename::Camel => lower_first(&pascal(field)),
            Rename::Kebab => field.replace('_', "-"),
            Rename::ScreamingKebab => field.to_ascii_uppercase().replace('_', "-"),
        }
    }
}

fn pascal(field: &str) -> String {
    let words = field.split('_').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::Rename;

    #[test]
    fn every_rule_names_fields_as_serde_does() {
        let rules = [
            ("lowercase", "order_id"),
            ("UPPERCASE", "ORDER_ID"),
            ("PascalCase", "OrderId"),
            ("camelCase", "orderId"),
            ("snake_case", "order_id"),
            ("SCREAMING_SNAKE_CASE", "ORDER_ID"),
            ("kebab-case", "order-id"),
            ("SCREAMING-KEBAB-CASE", "ORDER-ID"),
        ];
        for (rule, expected) in rules {
            let rule = Rename::read(rule).expect("serde knows it");
            assert_eq!(rule.apply("order_id"), expected);
        }
    }

    #[test]
    fn underscores_at_the_edges_are_no_words() {
        assert_eq!(Rename::Camel.apply("_order__id_"), "orderId");
        assert_eq!(Rename::Camel.apply("_"), "");
    }

    #[test]
    fn another_rule_is_none() {
        assert_eq!(Rename::read("Camel"), None);
    }
}
