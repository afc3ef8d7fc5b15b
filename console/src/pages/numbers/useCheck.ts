// Validates the form: each field by its format shortly after typing, then all of them by asking the provider
// once the form is complete.
import { useEffect, useRef, useState } from "react";
import { api, Failure, type Problem, type Schemas } from "@/api/client";
import { type Provider, proposalOf, type Values } from "./provider";

type ProviderCheck = Schemas["ProviderChecked"];
export type Verdicts = ProviderCheck["fields"];
export type CheckAnswer = Pick<ProviderCheck, "display" | "verified_name" | "message" | "asked" | "found"> & {
  /** The code of the desk's own refusal, for translations. */
  code?: Problem["code"];
};

const pause = 400;

/** Whether the form is complete enough to ask the provider. For an existing number, stored fields may be empty. */
function whole(provider: Provider, values: Values, number?: string) {
  const proposal = proposalOf(provider);
  return (
    !!number || provider.fields.every(({ name, required }) => !required || name === proposal || values[name])
  );
}

export function useCheck(provider: Provider, values: Values, number?: string) {
  const [verdicts, setVerdicts] = useState<Verdicts>({});
  const [asked, setAsked] = useState<CheckAnswer>();
  const [asking, setAsking] = useState(false);
  const turn = useRef(0);
  // What is stored was checked when it was saved; what was typed before one went back was not.
  const seen = useRef<Values>(number ? values : {});
  /** Fields that changed and are not validated yet. */
  const pending = useRef(new Set<string>());
  const { name } = provider;
  const proposal = proposalOf(provider);

  useEffect(() => {
    const changed = Object.keys(values).filter(
      (field) => field !== proposal && values[field] !== seen.current[field],
    );
    seen.current = values;
    if (changed.length === 0) return;
    for (const field of changed) pending.current.add(field);
    const mine = ++turn.current;
    const late = () => mine !== turn.current;
    setAsked(undefined);
    // A verdict applies only to the value it was made for.
    setVerdicts((all) =>
      Object.fromEntries(Object.entries(all).filter(([field]) => !changed.includes(field))),
    );
    const judge = async (field?: string) => {
      const body = { fields: values, field, number };
      const { data } = await api.POST("/api/v1/providers/{name}/check", { params: { path: { name } }, body });
      if (!data || late()) return;
      setVerdicts((all) => ({ ...all, ...data.fields }));
      if (!field) setAsked(data);
    };
    const timer = setTimeout(async () => {
      const full = whole(provider, values, number);
      setAsking(full);
      try {
        for (const field of pending.current) {
          if (values[field]) await judge(field);
          if (late()) return;
          pending.current.delete(field);
        }
        if (full && !late()) await judge();
      } catch (error) {
        // Shows the desk's own refusal. An unreachable desk is reported when saving.
        if (!late() && error instanceof Failure && error.status > 0)
          setAsked({ asked: false, found: false, message: error.message, code: error.problem?.code });
      } finally {
        if (!late()) setAsking(false);
      }
    }, pause);
    return () => clearTimeout(timer);
  }, [name, number, provider, proposal, values]);

  return { verdicts, asked, asking };
}
