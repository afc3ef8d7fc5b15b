// Models: what writes the answers and how to choose it, what does the other tasks, and the models of the desk's machine.
import { Stack } from "@mantine/core";
import { $api } from "@/api/client";
import { Async } from "@/parts/States";
import { ChatModel } from "./ChatModel";
import { LocalModels } from "./LocalModels";
import { Parts } from "./Parts";

export function Models() {
  const query = $api.useQuery(
    "get",
    "/api/v1/settings/models",
    {},
    {
      // Another process may run the download, or find a model by itself.
      refetchInterval: ({ state: { data } }) =>
        data?.local.some(({ received }) => typeof received === "number") ? 1_000 : 15_000,
    },
  );
  return (
    <Async query={query} shape="boxes">
      {(settings) => (
        <Stack gap="xl">
          <ChatModel settings={settings} />
          <Parts parts={settings.parts} />
          <LocalModels models={settings.local} folder={settings.folder} />
        </Stack>
      )}
    </Async>
  );
}
