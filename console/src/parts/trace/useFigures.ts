// A turn's model, time, tokens, cost and passages as text.
import { useTranslation } from "react-i18next";
import { useFormat } from "@/i18n/format";
import { figures, type Trace } from "./trace";

export function useFigures() {
  const { t } = useTranslation("trace");
  const format = useFormat();
  return (trace: Trace): string[] => {
    const { model, ms, input, output, cost, passages } = figures(trace);
    const parts = [model ?? t("line.noModel"), format.took(ms)];
    if (input + output > 0)
      parts.push(t("line.tokens", { count: input + output, shown: format.count(input + output) }));
    if (cost > 0) parts.push(format.money(cost));
    if (trace.retrieve) parts.push(t("line.passages", { count: passages }));
    return parts;
  };
}
