// Removes something for good after a confirmation, and says that it is gone or why it is not.
import { type Question, useConfirm } from "./Confirm";
import { useSay } from "./say";

/** Usage: `if (await removal({ title, text, yes }, remove, "It is deleted")) …` */
export function useRemoval() {
  const confirm = useConfirm();
  const say = useSay();
  return async (question: Omit<Question, "danger">, remove: () => Promise<unknown>, done: string) => {
    if (!(await confirm({ ...question, danger: true }))) return false;
    try {
      await remove();
    } catch (error) {
      say.failed(error);
      return false;
    }
    say.done(done);
    return true;
  };
}
