/** What every model is told for this person. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { client } from "../client.ts";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { TextArea } from "../ui/text-area.tsx";
import { Outcome, Section, valueIn } from "./section.tsx";

interface Preferences {
  instructions: string | null;
}

const queryKey = ["preferences"];

export function Instructions() {
  const queries = useQueryClient();
  const read = useQuery({ queryKey, queryFn: () => client.request<Preferences>("/preferences") });
  const write = useMutation({
    mutationFn: (instructions: string | null) =>
      client.request<Preferences>("/preferences", { method: "PATCH", json: { instructions } }),
    onSuccess: (now) => queries.setQueryData(queryKey, now),
  });
  return (
    <Section title={t.instructions.title}>
      <Outcome error={read.error} done={false} />
      {read.data && (
        <form
          className="grid gap-3"
          onSubmit={(event) => {
            event.preventDefault();
            write.mutate(valueIn(event, "instructions").trim() || null);
          }}
        >
          <TextArea
            label={t.instructions.ofUser}
            hint={t.instructions.ofUserHint}
            name="instructions"
            defaultValue={read.data.instructions ?? ""}
          />
          <Outcome error={write.error} done={write.isSuccess && t.account.saved} />
          <Button type="submit" className="justify-self-start" disabled={write.isPending}>
            {t.instructions.save}
          </Button>
        </form>
      )}
    </Section>
  );
}
