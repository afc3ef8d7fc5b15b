// Where on a provider's website each value is found, and where a problem is solved. Nothing here is fetched: the
// addresses are links for the reader.
import type { Schemas } from "@/api/client";
import type { PictureName } from "./pictures";

/** Pages of providers' websites, by the name under which they are worded. */
export const sites = {
  apps: "https://developers.facebook.com/apps/",
  newApp: "https://developers.facebook.com/apps/creation/",
  business: "https://business.facebook.com/latest/settings/",
  systemUsers: "https://business.facebook.com/latest/settings/system_users",
  phoneNumbers: "https://business.facebook.com/wa/manage/phone-numbers/",
  templates: "https://business.facebook.com/wa/manage/message-templates/",
  support: "https://business.facebook.com/business-support-home/",
  started: "https://developers.facebook.com/documentation/business-messaging/whatsapp/get-started",
  tokens: "https://developers.facebook.com/documentation/business-messaging/whatsapp/access-tokens",
  ownNumber:
    "https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/phone-numbers",
} as const;
export type Site = keyof typeof sites;

/** Where something is found: the page's link, and a drawing of it. */
export type Spot = { site: Site; picture?: PictureName };

/** What one should have before one begins. */
export type Need = "business" | "app" | "phone" | "token";

export type Guide = {
  needs: Record<Need, Site>;
  /** By the step's place in the provider's list, counted from 1 as in the texts. */
  steps: Partial<Record<number, Spot>>;
  fields: Partial<Record<string, Spot>>;
  alerts: Partial<Record<Schemas["AlertCode"], Site>>;
};

const meta: Guide = {
  needs: { business: "business", app: "started", phone: "ownNumber", token: "tokens" },
  steps: {
    1: { site: "newApp", picture: "newApp" },
    3: { site: "apps", picture: "webhook" },
    4: { site: "apps", picture: "subscriptions" },
    6: { site: "apps", picture: "recipients" },
  },
  fields: {
    phone_number_id: { site: "apps", picture: "phoneNumberId" },
    access_token: { site: "systemUsers", picture: "accessToken" },
    app_secret: { site: "apps", picture: "appSecret" },
    "template.name": { site: "templates" },
  },
  alerts: {
    account_restricted: "support",
    account_banned: "support",
    account_ban_planned: "support",
    account_violation: "support",
    account_not_approved: "support",
    account_warning: "support",
    account_deleted: "business",
    account_disconnected: "business",
    quality_low: "phoneNumbers",
    limit_lowered: "phoneNumbers",
    name_not_approved: "phoneNumbers",
    security_changed: "phoneNumbers",
    template_unusable: "templates",
    template_quality_low: "templates",
  },
};

const guides: Partial<Record<string, Guide>> & Partial<Record<Schemas["ProviderKind"], Guide>> = { meta };

/** The guide to a provider's website, if there is one. */
export const guideOf = (provider: Schemas["StoredProvider"]): Guide | undefined => guides[provider];
