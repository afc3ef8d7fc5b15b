// Models: what does each task and how to choose it, those of single agents, and the models of the desk's machine.
import { Stack } from "@mantine/core";
import { $api, type Schemas } from "@/api/client";
import { Async } from "@/parts/States";
import { AgentModels } from "./AgentModels";
import { ChatModel } from "./ChatModel";
import { LocalModels } from "./LocalModels";
import { Parts } from "./Parts";

/** Whether a model is downloaded or prepared. */
const isBusy = ({ local, parts }: Schemas["ModelSettings"]) =>
  local.some(({ received }) => typeof received === "number") || parts.some(({ pending }) => pending);

export function Models() {
  const query = $api.useQuery(
    "get",
    "/api/v1/settings/models",
    {},
    {
      // Another process may run the download or prepare the documents, or find a model by itself.
      refetchInterval: ({ state: { data } }) => (data && isBusy(data) ? 1_000 : 15_000),
    },
  );
  return (
    <Async query={query} shape="boxes">
      {(settings) => (
        <Stack gap="xl">
          <ChatModel settings={settings} />
          <Parts settings={settings} />
          <AgentModels settings={settings} />
          <LocalModels settings={settings} />
        </Stack>
      )}
    </Async>
  );
}
