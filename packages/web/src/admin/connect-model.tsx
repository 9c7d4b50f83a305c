/** Connecting an endpoint whose models answer: tried first, kept by the server, encrypted. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useRef } from "react";
import { Outcome, Section } from "../account/section.tsx";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { admin, type Connection, type GivenConnection } from "./admin.ts";

const queryKey = ["admin", "model"];

/** Whatever else speaks OpenAI's chat completions is typed. */
const endpoints: Record<string, string> = {
  OpenAI: "https://api.openai.com/v1",
  OpenRouter: "https://openrouter.ai/api/v1",
  Mistral: "https://api.mistral.ai/v1",
  Groq: "https://api.groq.com/openai/v1",
  Ollama: "http://127.0.0.1:11434/v1",
};

export function ConnectModel() {
  const { data, error } = useQuery({ queryKey, queryFn: admin.model });
  return (
    <Section title={t.connect.title}>
      <Outcome error={error} done={false} />
      {data && !data.isOpen && <p className="text-quiet text-sm">{t.connect.byEnvironment}</p>}
      {data?.isOpen && <ConnectForm connection={data.connection} />}
    </Section>
  );
}

function ConnectForm({ connection }: { connection: Connection | null }) {
  const form = useRef<HTMLFormElement>(null);
  const queries = useQueryClient();
  const read = () => Promise.all([queryKey, ["models"]].map((key) => queries.invalidateQueries({ queryKey: key })));
  const test = useMutation({ mutationFn: admin.testModel });
  const connect = useMutation({
    mutationFn: admin.connectModel,
    onSuccess: async () => {
      const key = form.current?.elements.namedItem("apiKey");
      if (key instanceof HTMLInputElement) key.value = "";
      await read();
    },
  });
  const disconnect = useMutation({ mutationFn: admin.disconnectModel, onSuccess: read });
  const isBusy = test.isPending || connect.isPending || disconnect.isPending;
  const forget = () => {
    for (const each of [test, connect, disconnect]) each.reset();
  };
  const done =
    (test.data && t.connect.answered(test.data.answer)) ||
    (connect.isSuccess && t.connect.connected) ||
    (disconnect.isSuccess && t.connect.disconnected);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    forget();
    connect.mutate(givenIn(event.currentTarget));
  };
  return (
    <form ref={form} className="grid max-w-lg gap-4" onSubmit={submit}>
      <p className="text-quiet text-sm">{t.connect.hint}</p>
      <Field
        label={t.connect.endpoint}
        name="baseUrl"
        type="url"
        list="endpoints"
        autoComplete="off"
        defaultValue={connection?.baseUrl ?? "https://api.openai.com/v1"}
        required
      />
      <datalist id="endpoints">
        {Object.entries(endpoints).map(([name, url]) => (
          <option key={name} value={url}>
            {name}
          </option>
        ))}
      </datalist>
      <Field
        label={t.connect.key}
        hint={connection?.hasKey ? t.connect.keyKept : t.connect.keyHint}
        name="apiKey"
        type="password"
        autoComplete="off"
        maxLength={4_000}
      />
      <Field
        label={t.connect.models}
        hint={t.connect.modelsHint}
        name="models"
        autoComplete="off"
        defaultValue={connection?.models.join(", ")}
        required
      />
      <Outcome error={test.error ?? connect.error ?? disconnect.error} done={done || false} />
      <div className="flex flex-wrap gap-2">
        <Button type="submit" look="main" disabled={isBusy}>
          {connect.isPending ? t.connect.trying : t.connect.connect}
        </Button>
        <Button
          disabled={isBusy}
          onClick={() => {
            forget();
            if (form.current?.reportValidity()) test.mutate(givenIn(form.current));
          }}
        >
          {test.isPending ? t.connect.trying : t.connect.test}
        </Button>
        {connection && (
          <Button
            disabled={isBusy}
            onClick={() => {
              forget();
              disconnect.mutate();
            }}
          >
            {t.connect.disconnect}
          </Button>
        )}
      </div>
    </form>
  );
}

function givenIn(form: HTMLFormElement): GivenConnection {
  const fields = new FormData(form);
  const text = (name: string) => String(fields.get(name) ?? "").trim();
  const names = text("models").split(",");
  return {
    baseUrl: text("baseUrl"),
    models: names.map((name) => name.trim()).filter(Boolean),
    ...(text("apiKey") && { apiKey: text("apiKey") }),
  };
}
