/** What one's replies have taken within thirty days, by models, and what is left of quotas. */
import { useQuery } from "@tanstack/react-query";
import type { QuotaUse, UsageSum } from "chatkeep/client";
import { client } from "../client.ts";
import { labelOfModel } from "../conversation/models.ts";
import { language, t } from "../strings/index.ts";
import { bytesInWords } from "../ui/bytes.ts";
import { shortFullTime } from "../ui/times.ts";
import { Outcome, Section } from "./section.tsx";

const days = 30;
const dayMs = 86_400_000;
const number = new Intl.NumberFormat(language);

export function Usage() {
  const usage = useQuery({
    queryKey: ["usage"],
    queryFn: ({ signal }) =>
      client.usage.list({ by: "model", after: new Date(Date.now() - (days - 1) * dayMs), signal }),
  });
  const quotas = useQuery({ queryKey: ["quotas"], queryFn: ({ signal }) => client.usage.quotas({ signal }) });
  return (
    <Section title={t.usage.title}>
      <Outcome error={usage.error ?? quotas.error} done={false} />
      {usage.data?.items.length === 0 && <p className="text-quiet text-sm">{t.usage.none(days)}</p>}
      {usage.data && usage.data.items.length > 0 && <Sums sums={usage.data.items} />}
      {quotas.data && quotas.data.length > 0 && (
        <ul className="grid gap-1 text-sm" aria-label={t.usage.quotas}>
          {quotas.data.map((quota) => (
            <QuotaRow key={`${quota.of} ${quota.per}`} quota={quota} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function Sums({ sums }: { sums: UsageSum[] }) {
  return (
    <div className="overflow-x-auto">
      <table className="w-full text-sm">
        <caption className="pb-2 text-left text-quiet">{t.usage.caption(days)}</caption>
        <thead>
          <tr className="border-line border-b text-quiet">
            <th scope="col" className="py-1 text-left font-medium">
              {t.usage.model}
            </th>
            {[t.usage.replies, t.usage.input, t.usage.output].map((head) => (
              <th key={head} scope="col" className="py-1 pl-4 text-right font-medium">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sums.map(({ model, replies, inputTokens, outputTokens }) => (
            <tr key={model ?? ""} className="border-line border-b">
              <th scope="row" className="py-1 text-left font-normal wrap-anywhere">
                {model ? labelOfModel(model) : t.usage.unnamed}
              </th>
              <Amount of={replies} />
              <Amount of={inputTokens} />
              <Amount of={outputTokens} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Amount({ of }: { of: number }) {
  return <td className="py-1 pl-4 text-right tabular-nums">{number.format(of)}</td>;
}

function QuotaRow({ quota: { of, per, used, limit, renewsAt } }: { quota: QuotaUse }) {
  const left =
    of === "bytes"
      ? t.usage.ofBytes(bytesInWords(used), bytesInWords(limit))
      : t.usage.ofQuota(number.format(used), number.format(limit), of, per);
  return (
    <li className={used >= limit ? "text-danger" : undefined}>
      {left} {renewsAt && <span className="text-quiet">{t.usage.renews(shortFullTime(renewsAt))}</span>}
    </li>
  );
}
