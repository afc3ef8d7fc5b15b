// Customers' languages.
import { useTranslation } from "react-i18next";

/** What most customers write on WhatsApp. */
export const LANGUAGES = ["en", "es", "pt", "ar", "fr", "de", "it", "nl", "hi", "id", "tr", "ru", "zh", "ja"];

/** Returns a function that names a language by its code. A code that is none stays as it is. */
export function useLanguageNames() {
  const { i18n } = useTranslation();
  const names = new Intl.DisplayNames(i18n.language, { type: "language" });
  return (code: string) => {
    try {
      return names.of(code) ?? code;
    } catch {
      return code;
    }
  };
}
