// Where a value is found: a link to the provider's page, and a drawing of it.
import { Anchor, Box, Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { NewTabIcon } from "@/parts/NewTabIcon";
import { type Site, type Spot, sites } from "./guide";
import { Picture } from "./Picture";

/** A link to a provider's page, in a new tab. */
export function SiteLink({ site }: { site: Site }) {
  const { t } = useTranslation("numbers");
  return (
    <Anchor href={sites[site]} target="_blank" rel="noopener noreferrer" size="sm" w="fit-content">
      {t(`site.${site}`)}
      <NewTabIcon />
    </Anchor>
  );
}

export function FieldLocation({ spot }: { spot: Spot }) {
  return (
    <Stack gap={6}>
      {spot.picture && (
        <Box maw={340} w="100%">
          <Picture name={spot.picture} />
        </Box>
      )}
      <SiteLink site={spot.site} />
    </Stack>
  );
}
