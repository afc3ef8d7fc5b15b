import type activity from "../locales/en/activity.json";
import type alerts from "../locales/en/alerts.json";
import type business from "../locales/en/business.json";
import type campaigns from "../locales/en/campaigns.json";
import type common from "../locales/en/common.json";
import type evals from "../locales/en/evals.json";
import type handoffs from "../locales/en/handoffs.json";
import type inbox from "../locales/en/inbox.json";
import type knowledge from "../locales/en/knowledge.json";
import type models from "../locales/en/models.json";
import type numbers from "../locales/en/numbers.json";
import type overview from "../locales/en/overview.json";
import type sandbox from "../locales/en/sandbox.json";
import type settings from "../locales/en/settings.json";
import type start from "../locales/en/start.json";
import type templates from "../locales/en/templates.json";
import type trace from "../locales/en/trace.json";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "common";
    resources: {
      activity: typeof activity;
      alerts: typeof alerts;
      business: typeof business;
      campaigns: typeof campaigns;
      common: typeof common;
      evals: typeof evals;
      handoffs: typeof handoffs;
      inbox: typeof inbox;
      knowledge: typeof knowledge;
      models: typeof models;
      numbers: typeof numbers;
      overview: typeof overview;
      sandbox: typeof sandbox;
      settings: typeof settings;
      start: typeof start;
      templates: typeof templates;
      trace: typeof trace;
    };
  }
}
