import type { Scheme, SchemeName } from "../scheme.ts";
import { CPU_QUEUES_SCHEME } from "./cpu-queues.ts";
import { RFC9611_SCHEME } from "./rfc9611.ts";
import { STUB_SCHEME } from "./stub.ts";

const SCHEMES: Readonly<Record<SchemeName, Scheme>> = {
  rfc9611: RFC9611_SCHEME,
  "cpu-queues": CPU_QUEUES_SCHEME,
  stub: STUB_SCHEME,
};

export const schemeNamed = (name: SchemeName): Scheme => SCHEMES[name];
