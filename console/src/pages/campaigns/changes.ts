// What a change of a campaign changes.
import { reread } from "@/api/queries";

export function rereadCampaigns() {
  reread(
    "/api/v1/campaigns",
    "/api/v1/campaigns/{id}",
    "/api/v1/campaigns/{id}/results",
    "/api/v1/campaigns/{id}/recipients",
  );
}
