/** Several chats chosen in the list, for what is done with all of them. */
import { createContext, useContext, useState } from "react";

export interface Selection {
  /** `undefined`: none are being chosen. */
  ids: ReadonlySet<string> | undefined;
  begin(id: string): void;
  /** `isRange`: with all between it and the one before. */
  toggle(id: string, isRange: boolean): void;
  end(): void;
  /** All that are in the list now, from its top: what a range is a part of. */
  setOrder(ids: readonly string[]): void;
}

export const SelectionContext = createContext<Selection | undefined>(undefined);

/** `undefined` outside of a list in which one can choose several. */
export function useSelection(): Selection | undefined {
  return useContext(SelectionContext);
}

export function useNewSelection(): Selection {
  const [ids, setIds] = useState<ReadonlySet<string>>();
  const [state] = useState<{ order: readonly string[]; last: string | undefined }>(() => ({
    order: [],
    last: undefined,
  }));
  return {
    ids,
    begin: (id) => {
      state.last = id;
      setIds(new Set([id]));
    },
    toggle: (id, isRange) => {
      const next = new Set(ids);
      const [from, to] = [state.order.indexOf(state.last ?? id), state.order.indexOf(id)].sort((a, b) => a - b);
      if (isRange && from !== undefined && to !== undefined && from >= 0) {
        for (const each of state.order.slice(from, to + 1)) next.add(each);
      } else if (!next.delete(id)) next.add(id);
      state.last = id;
      setIds(next);
    },
    end: () => setIds(undefined),
    setOrder: (order) => {
      state.order = order;
    },
  };
}
