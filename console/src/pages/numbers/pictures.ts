// What the drawings of a provider's pages show: the menu, and where the value is among the fields. The words are
// those of the pages themselves, which the helps name as well.

/** One line of a page. `marked`: what the reader looks for. */
export type Line = { marked?: true } & (
  | { is: "value"; label: string; value: string; button?: string }
  | { is: "button"; label: string }
  | { is: "switch"; label: string; on: boolean }
);

export type Page = {
  host: string;
  /** Entries of the menu; those with a space before them are under the one above. */
  menu: string[];
  /** The open entry. */
  open: string;
  lines: Line[];
};

const app = "developers.facebook.com";
const whatsapp = ["Dashboard", "WhatsApp", " API Setup", " Configuration", "App settings"];

export const pictures = {
  newApp: {
    host: app,
    menu: ["My Apps"],
    open: "My Apps",
    lines: [
      { is: "button", label: "Create App", marked: true },
      { is: "value", label: "App type", value: "Business" },
      { is: "value", label: "Product", value: "WhatsApp" },
    ],
  },
  phoneNumberId: {
    host: app,
    menu: whatsapp,
    open: " API Setup",
    lines: [
      { is: "value", label: "From", value: "+1 555 078 3881" },
      { is: "value", label: "Phone number ID", value: "106540352242922", marked: true },
      { is: "value", label: "WhatsApp Business Account ID", value: "102290129340398" },
    ],
  },
  accessToken: {
    host: "business.facebook.com",
    menu: ["Users", " People", " System users", "Accounts", " Apps"],
    open: " System users",
    lines: [
      { is: "value", label: "System user", value: "frontdesk" },
      { is: "button", label: "Generate token", marked: true },
      { is: "value", label: "Token expiration", value: "Never" },
    ],
  },
  appSecret: {
    host: app,
    menu: ["Dashboard", "App settings", " Basic", " Advanced", "WhatsApp"],
    open: " Basic",
    lines: [
      { is: "value", label: "App ID", value: "481516234203108" },
      { is: "value", label: "App secret", value: "••••••••", button: "Show", marked: true },
      { is: "value", label: "Display name", value: "frontdesk" },
    ],
  },
  webhook: {
    host: app,
    menu: whatsapp,
    open: " Configuration",
    lines: [
      { is: "value", label: "Callback URL", value: "https://…", marked: true },
      { is: "value", label: "Verify token", value: "••••••••", marked: true },
      { is: "button", label: "Verify and save", marked: true },
    ],
  },
  subscriptions: {
    host: app,
    menu: whatsapp,
    open: " Configuration",
    lines: [
      { is: "switch", label: "messages", on: true, marked: true },
      { is: "switch", label: "account_update", on: true },
      { is: "switch", label: "account_alerts", on: true },
    ],
  },
  recipients: {
    host: app,
    menu: whatsapp,
    open: " API Setup",
    lines: [
      { is: "value", label: "From", value: "Test number" },
      { is: "value", label: "To", value: "Manage phone number list", marked: true },
      { is: "button", label: "Send message" },
    ],
  },
} as const satisfies Record<string, Page>;

export type PictureName = keyof typeof pictures;
