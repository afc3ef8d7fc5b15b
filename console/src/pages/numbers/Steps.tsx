// The steps on the provider's side, in order, with the values to copy.
import { Code, Group, List, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
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
  return (
    <List type="ordered" spacing="md">
      {steps.map((step) => {
        const path = `step${provider.steps.indexOf(step) + 1}`;
        return (
          <List.Item key={step.title}>
            <Stack gap={4}>
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
          </List.Item>
        );
      })}
    </List>
  );
}
