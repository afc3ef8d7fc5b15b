// The audit log's filters in the address.
import { number, type Search, text } from "@/shell/address";

export type ActivitySearch = { action?: string; actor?: string; outcome?: string; days?: number };

export const activitySearch = (search: Search): ActivitySearch => ({
  action: text(search.action),
  actor: text(search.actor),
  outcome: text(search.outcome),
  days: number(search.days),
});
