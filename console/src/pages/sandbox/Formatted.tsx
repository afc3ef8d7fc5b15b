// A reply as WhatsApp shows it.
import { Code } from "@mantine/core";
import { useMemo } from "react";
import { runs } from "./whatsapp";

export function Formatted({ text }: { text: string }) {
  const all = useMemo(() => runs(text), [text]);
  return all.map(({ text: shown, look }, at) => {
    const key = `${at}`;
    if (look === "bold") return <strong key={key}>{shown}</strong>;
    if (look === "italic") return <em key={key}>{shown}</em>;
    if (look === "struck") return <s key={key}>{shown}</s>;
    if (look === "code") return <Code key={key}>{shown}</Code>;
    return shown;
  });
}
