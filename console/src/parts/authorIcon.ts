// The icon of who wrote, the same on every page. Their colour is in theme.ts.
import {
  IconHeadset,
  IconHelpCircle,
  IconInfoCircle,
  IconRobot,
  IconSpeakerphone,
  IconUser,
} from "@tabler/icons-react";
import type { Schemas } from "@/api/client";
import { known } from "@/api/words";

type Author = Schemas["Author"];

const icons: Record<Author, typeof IconUser> = {
  customer: IconUser,
  bot: IconRobot,
  person: IconHeadset,
  notice: IconInfoCircle,
  consent: IconInfoCircle,
  campaign: IconSpeakerphone,
  follow_up: IconRobot,
};

/** A question mark for an author that is newer than this page. */
export const authorIcon = (author: Author) => known(icons, author, IconHelpCircle);
