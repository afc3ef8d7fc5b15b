// The settings of a prompt file by their names for people.
import { useTranslation } from "react-i18next";
import { useLanguageNames } from "./languages";

/** Every key of a prompt file's header, as `docs/prompt-files.md` lists them. */
export const settings = [
  "name",
  "model",
  "temperature",
  "max_output_tokens",
  "knowledge",
  "passages",
  "search.follow_up",
  "search.translate",
  "gate.suite",
  "gate.rule",
  "gate.baseline",
  "gate.knowledge",
  "min_confidence",
  "curated.enabled",
  "curated.threshold",
  "sources",
  "choices",
  "choices_list",
  "files",
  "locations",
  "history",
  "time_zone",
  "languages",
  "opt_out.reply",
  "opt_out.welcome",
  "voice.transcribe",
  "voice.audio",
  "voice.video",
  "voice.language",
  "voice.vocabulary",
  "voice.quote",
  "voice.failure_reply",
  "voice.too_long_reply",
  "voice.default_reply",
  "media.images",
  "media.documents",
  "handoff.keywords",
  "handoff.patterns",
  "handoff.reply",
  "handoff.notify",
  "handoff.return_minutes",
  "follow_up.after_minutes",
  "follow_up.text",
  "follow_up.close_minutes",
  "follow_up.close_text",
  "grounding.check",
  "grounding.threshold",
  "grounding.hold_below",
  "grounding.judge",
  "no_answer",
  "did_you_mean",
  "failure",
  "greeting",
  "unreadable",
] as const;

export type Setting = (typeof settings)[number];

const isSetting = (path: string): path is Setting => settings.some((one) => one === path);

/**
 * Names a setting by its path, such as `handoff.reply`; a sentence in one language with the language, such as
 * `handoff.reply.es`. Undefined for an unknown key.
 */
export function useSettingName() {
  const { t } = useTranslation("sandbox");
  const languageName = useLanguageNames();
  return (path: string): string | undefined => {
    if (isSetting(path)) return t(`setting.${path}`);
    const at = path.lastIndexOf(".");
    const [key, code] = [path.slice(0, at), path.slice(at + 1)];
    if (!isSetting(key)) return undefined;
    return t("changes.inLanguage", { name: t(`setting.${key}`), language: languageName(code) });
  };
}
