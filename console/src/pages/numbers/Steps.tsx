// The steps on the provider's side, in order, with the values to copy, a link to the page and a drawing of it.
import { Code, Group, List, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { FieldLocation } from "./FieldLocation";
import { guideOf } from "./guide";
import { marked } from "./marked";
import { type Provider, type Step, useWords } from "./provider";

type Props = {
  provider: Provider;
  steps: Step[];
  /** The content under a step that shows something. */
  shown?: (step: Step) => ReactNode;
};

export function Steps({ provider, steps, shown }: Props) {
  const { word } = useWords(provider);
  const guide = guideOf(provider.name);
  return (
    <List type="ordered" spacing="md" styles={{ itemWrapper: { width: "100%" }, itemLabel: { flex: 1 } }}>
      {steps.map((step) => {
        const place = provider.steps.indexOf(step) + 1;
        const path = `step${place}`;
        const spot = guide?.steps[place];
        return (
          <List.Item key={step.title}>
            <Group align="flex-start" gap="lg">
              <Stack gap={4} flex="1 1 260px">
                <Text fw={600}>{word(`${path}.title`, step.title)}</Text>
                <Text size="sm" style={{ overflowWrap: "anywhere" }}>
                  {marked(word(`${path}.text`, step.text)).map(({ text, code }) =>
                    code ? (
                      <Code key={text} dir="ltr">
                        {text}
                      </Code>
                    ) : (
                      text
                    ),
                  )}
                </Text>
                {step.shows.length > 0 && shown && <Group mt={4}>{shown(step)}</Group>}
              </Stack>
              {spot && <FieldLocation spot={spot} />}
            </Group>
          </List.Item>
        );
      })}
    </List>
  );
}
