/** Where one is signed in, and the end of that. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { t } from "../strings/index.ts";
import { Button } from "../ui/button.tsx";
import { fullTime } from "../ui/times.ts";
import { account } from "./account.ts";
import { Outcome, Section } from "./section.tsx";

export function Devices() {
  const queries = useQueryClient();
  const sessions = useQuery({ queryKey: ["sessions"], queryFn: account.sessions });
  const end = useMutation({
    mutationFn: account.endSession,
    onSuccess: () => queries.invalidateQueries({ queryKey: ["sessions"] }),
  });
  return (
    <Section title={t.account.devices}>
      <Outcome error={sessions.error ?? end.error} done={false} />
      <ul className="grid gap-2">
        {sessions.data?.map(({ id, token, createdAt, userAgent, isThis }) => (
          <li key={id} className="flex items-center gap-3 rounded-xl border border-line px-4 py-3 text-sm">
            <div className="min-w-0 flex-1">
              <p className="truncate font-medium">
                {deviceIn(userAgent)}{" "}
                {isThis && <span className="font-normal text-quiet">({t.account.thisDevice})</span>}
              </p>
              <p className="text-quiet text-xs">{t.account.signedIn(fullTime(createdAt))}</p>
            </div>
            {!isThis && (
              <Button
                aria-label={t.account.signOutDevice(deviceIn(userAgent))}
                disabled={end.isPending}
                onClick={() => end.mutate(token)}
              >
                {t.account.signOut}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** "Firefox, Linux" out of the long text that browsers send. */
export function deviceIn(userAgent: string | null | undefined): string {
  const find = (names: [sign: string, name: string][]) => names.find(([sign]) => userAgent?.includes(sign))?.[1];
  const browser = find([
    ["Edg/", "Edge"],
    ["Firefox/", "Firefox"],
    ["Chrome/", "Chrome"],
    ["Safari/", "Safari"],
    ["curl/", "curl"],
  ]);
  const system = find([
    ["Android", "Android"],
    ["iPhone", "iPhone"],
    ["iPad", "iPad"],
    ["Windows", "Windows"],
    ["Mac OS", "macOS"],
    ["Linux", "Linux"],
  ]);
  return [browser, system].filter(Boolean).join(", ") || t.account.unknownDevice;
}
