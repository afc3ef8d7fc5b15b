// Who did something, in words.
import { useTranslation } from "react-i18next";
import { actorOf } from "./actions";

/** Returns a function that words an actor of the audit log. */
export function useActor() {
  const { t } = useTranslation("activity");
  return (written: string): string => {
    const { kind, name } = actorOf(written);
    if (kind === "other") return name;
    return kind === "console" ? t("who.console", { id: name }) : t(`who.${kind}`, { name });
  };
}
