// What the provider says of a number: how customers take it, to how many it may write first, what it is forbidden.
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { Fact } from "@/parts/Fact";

type NumberHealth = Schemas["NumberHealth"];

export function useHealthWords() {
  const { t } = useTranslation(["numbers", "templates"]);
  const format = useFormat();
  return {
    quality: (quality: Schemas["NumberQuality"]) =>
      t(`templates:quality.${quality}`, { defaultValue: quality }),
    limit: (limit: Schemas["MessagingLimit"]) =>
      limit.kind === "customers"
        ? t("health.customers", { count: limit.customers, shown: format.count(limit.customers) })
        : t("health.unlimited"),
    restriction: (restriction: Schemas["Restriction"], until: number | null | undefined) => {
      const what = t(`health.${restriction}`, { defaultValue: restriction });
      return until == null ? what : `${what} ${t("health.until", { when: format.full(until) })}`;
    },
  };
}

/** Facts of a list (`dl`); none where the provider has said nothing. */
export function Health({ health }: { health: NumberHealth }) {
  const { t } = useTranslation("numbers");
  const words = useHealthWords();
  const { quality, messaging_limit: limit, restriction, restricted_until: until } = health;
  return (
    <>
      {quality && <Fact name={t("health.quality")}>{words.quality(quality)}</Fact>}
      {limit && <Fact name={t("health.limit")}>{words.limit(limit)}</Fact>}
      {restriction && <Fact name={t("health.restriction")}>{words.restriction(restriction, until)}</Fact>}
    </>
  );
}
