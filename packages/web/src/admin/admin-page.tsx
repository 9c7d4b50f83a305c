/** For administrators: who there is, who is invited, what is taken, and whether the database is well. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { CircleAlert, CircleCheck } from "lucide-react";
import { Outcome, Section } from "../account/section.tsx";
import { labelOfModel } from "../conversation/models.ts";
import { language, t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { dateOf } from "../ui/times.ts";
import { Accounts } from "./accounts.tsx";
import { admin, type UsageOfAll } from "./admin.ts";
import { ConnectModel } from "./connect-model.tsx";
import { Invitations } from "./invitations.tsx";

const number = new Intl.NumberFormat(language);

export function AdminPage() {
  return (
    <div className="relative h-full overflow-y-auto">
      <div className="mx-auto grid max-w-4xl gap-8 px-4 pt-14 pb-6 md:pt-6 md:group-data-list-away/main:pt-14">
        <h1 className="font-semibold text-2xl">{t.admin.title}</h1>
        <ConnectModel />
        <Accounts />
        <Invitations />
        <UsageTable />
        <Health />
      </div>
    </div>
  );
}

function UsageTable() {
  const { data, error } = useQuery({ queryKey: ["admin", "usage"], queryFn: admin.usage });
  return (
    <Section title={t.usage.title}>
      <Outcome error={error} done={false} />
      {data?.length === 0 && <p className="text-quiet text-sm">{t.usage.none(30)}</p>}
      {data && data.length > 0 && <Days rows={data} />}
    </Section>
  );
}

function Days({ rows }: { rows: UsageOfAll[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard
    <section className="max-h-96 overflow-auto" tabIndex={0} aria-label={t.usage.title}>
      <table className="w-full text-sm">
        <caption className="pb-2 text-left text-quiet">{t.usage.caption(30)}</caption>
        <thead>
          <tr className="border-line border-b text-quiet">
            {[t.admin.day, t.usage.model].map((head) => (
              <th key={head} scope="col" className="py-1 pe-4 text-left font-medium">
                {head}
              </th>
            ))}
            {[t.admin.people, t.usage.replies, t.usage.input, t.usage.output].map((head) => (
              <th key={head} scope="col" className="py-1 ps-4 text-right font-medium">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ day, model, users, replies, inputTokens, outputTokens }) => (
            <tr key={`${day} ${model}`} className="border-line border-b">
              <td className="py-1 pe-4 whitespace-nowrap">{dateOf(`${day}T12:00:00Z`)}</td>
              <td className="py-1 pe-4 wrap-anywhere">{model ? labelOfModel(model) : t.usage.unnamed}</td>
              {[users, replies, inputTokens, outputTokens].map((value, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the columns are always these
                <td key={index} className="py-1 ps-4 text-right tabular-nums">
                  {number.format(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** All of the database is read for it: when it is asked for. */
function Health() {
  const look = useMutation({ mutationFn: admin.health });
  const { data } = look;
  const wrong = data?.checks.filter(({ ok }) => !ok) ?? [];
  return (
    <Section title={t.admin.health}>
      <p className="text-quiet text-sm">{t.admin.healthHint}</p>
      <Button className="justify-self-start" disabled={look.isPending} onClick={() => look.mutate()}>
        {look.isPending ? t.admin.looking : t.admin.look}
      </Button>
      <Outcome error={look.error} done={data !== undefined && wrong.length === 0 && t.admin.well} />
      {data && (
        <ul className="grid gap-1 text-sm">
          {data.checks.map(({ name, ok, found }) => (
            <li key={name} className="flex gap-2">
              {ok ? (
                <CircleCheck size={16} aria-label={t.admin.right} className="mt-0.5 shrink-0 text-brand" />
              ) : (
                <CircleAlert size={16} aria-label={t.admin.wrong} className="mt-0.5 shrink-0 text-danger" />
              )}
              <span className="min-w-0 wrap-anywhere">
                {name}: <span className="text-quiet">{found}</span>
              </span>
            </li>
          ))}
        </ul>
      )}
      {data?.findings.map(({ about, found, why, mend }) => (
        <div key={`${about} ${found}`} className="grid gap-1 rounded-xl border border-line p-3 text-sm">
          <p className="font-medium wrap-anywhere">
            {about}: {found}
          </p>
          <p className="text-quiet">{why}</p>
          <code className="wrap-anywhere">{mend}</code>
        </div>
      ))}
    </Section>
  );
}
