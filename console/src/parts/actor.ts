// Who did something, as the audit log names them, and in words.
import { useTranslation } from "react-i18next";

export type Actor = {
  kind: "console" | "key" | "link" | "file" | "desk" | "terminal" | "machine" | "unknown" | "other";
  /** The session's or the user's name, or that of the machine where the user has none. */
  name: string;
};

/** The server's words for those that are no person. */
const actors = new Map<string, Actor["kind"]>([
  ["admin key", "key"],
  ["sign-in link", "link"],
  ["prompt file", "file"],
  ["desk", "desk"],
  ["unknown", "unknown"],
]);

/** Who did something. */
export function actorOf(written: string): Actor {
  const kind = actors.get(written);
  if (kind) return { kind, name: written };
  const session = /^console (\w+)$/.exec(written)?.[1];
  if (session) return { kind: "console", name: session };
  const user = /^(.+) \(command\)$/.exec(written)?.[1];
  const machine = user && /^somebody on (.+)$/.exec(user)?.[1];
  if (machine) return { kind: "machine", name: machine };
  return user ? { kind: "terminal", name: user } : { kind: "other", name: written };
}

/** Returns a function that words an actor of the audit log. */
export function useActor() {
  const { t } = useTranslation();
  return (written: string): string => {
    const { kind, name } = actorOf(written);
    if (kind === "other") return name;
    return kind === "console" ? t("who.console", { id: name }) : t(`who.${kind}`, { name });
  };
}
