/** For `node --import`: the processes of tests load Drizzle as the command does. */
import { quickenImports } from "../../src/quick-imports.ts";

quickenImports();
