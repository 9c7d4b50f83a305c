/** Which models there are, and which one a chat that is not stored yet is to be answered by. */
import { useQuery } from "@tanstack/react-query";
import { client } from "../client.ts";
import { t } from "../strings/index.ts";
import { remember, remembered } from "../ui/remembered.ts";

export interface OfferedModel {
  name: string;
  isUsual: boolean;
  takesFiles: boolean;
  takesTools: boolean;
}

/** Empty until they are read. */
export function useModels(): readonly OfferedModel[] {
  const { data } = useQuery({
    queryKey: ["models"],
    queryFn: () => client.request<{ items: OfferedModel[] }>("/models"),
  });
  return data?.items ?? none;
}

const none: readonly OfferedModel[] = [];

/** Of this tab, by chat. */
const wanted = new Map<string, string>();

export const wantedModel = (id: string): string | undefined => wanted.get(id);

export function wantModel(id: string, name: string | undefined): void {
  if (name === undefined) wanted.delete(id);
  else wanted.set(id, name);
}

/** What was chosen last is what the next chat begins with. */
export const lastModel = (personId: string): string | undefined => remembered(`model.${personId}`);
export const rememberModel = (personId: string, name: string): void => remember(`model.${personId}`, name);

/** The one that is built in. */
export const isOffline = (name: string | undefined): boolean => name === "offline";

/** The built-in one has a name in each language. */
export function labelOfModel(name: string): string {
  return isOffline(name) ? t.models.offline : name;
}
