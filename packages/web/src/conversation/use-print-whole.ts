/** Printing prints the whole conversation: what has not been read yet is read first. */
import { useRef } from "react";
import { useShortcuts } from "../ui/shortcuts.ts";

interface Pages {
  hasNextPage: boolean;
  fetchNextPage(): Promise<{ hasNextPage: boolean; isError: boolean }>;
}

export function usePrintWhole(pages: Pages): void {
  const latest = useRef(pages);
  latest.current = pages;
  const onPress = async () => {
    let { hasNextPage } = latest.current;
    while (hasNextPage) {
      const read = await latest.current.fetchNextPage();
      hasNextPage = read.hasNextPage && !read.isError;
    }
    // What came last is shown before it is printed.
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    print();
  };
  useShortcuts([{ key: "p", isCommand: true, onPress: () => void onPress() }]);
}
