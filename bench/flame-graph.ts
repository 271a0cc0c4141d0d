/** A flame graph (SVG) of a V8 CPU profile: width is time, a function stands on its caller. No script in it: titles are shown by the viewer. */

/** The part of the Chrome DevTools protocol's Profiler.Profile that is needed. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

/** A function as called by its callers: microseconds in it and in all that it calls. */
export interface Frame {
  readonly name: string;
  total: number;
  readonly children: Map<string, Frame>;
}

const WIDTH = 1400;
const ROW = 18;
const CHARACTER = 7;
/** Narrower than this is not drawn. */
const NARROWEST = 0.5;

/** Adds up the samples by call stack. Time in which the thread was idle, or in one of the functions `sleeping`, is left out. */
export function fold({ nodes, samples, timeDeltas }: CpuProfile, sleeping: readonly string[] = []): Frame {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)));
  const root: Frame = { name: "all", total: 0, children: new Map() };
  samples.forEach((id, i) => {
    const time = timeDeltas[i] ?? 0;
    const leaf = byId.get(id)?.callFrame.functionName ?? "";
    if (leaf === "(idle)" || sleeping.includes(leaf) || time <= 0) return;
    const stack: string[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const node = byId.get(at);
      if (node !== undefined && node.callFrame.functionName !== "(root)") stack.push(nameOf(node));
    }
    root.total += time;
    let frame = root;
    for (const name of stack.reverse()) {
      let child = frame.children.get(name);
      if (child === undefined) frame.children.set(name, (child = { name, total: 0, children: new Map() }));
      child.total += time;
      frame = child;
    }
  });
  return root;
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const name = functionName === "" ? "(anonymous)" : functionName;
  const file = url.split("/").slice(-2).join("/");
  return file === "" ? name : `${name} ${file}:${lineNumber + 1}`;
}

export function flameGraph(root: Frame, title: string): string {
  const boxes: string[] = [];
  const rows = depthOf(root);
  draw(root, 0, 0, WIDTH / Math.max(root.total, 1), root.total, rows, boxes);
  const height = (rows + 2) * ROW;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="monospace" font-size="11">`,
    `<text x="4" y="14">${escape(title)}</text>`,
    ...boxes,
    "</svg>",
    "",
  ].join("\n");
}

function draw(frame: Frame, depth: number, x: number, scale: number, whole: number, rows: number, boxes: string[]): void {
  const width = frame.total * scale;
  if (width < NARROWEST) return;
  const y = (rows - depth) * ROW;
  const share = `${((100 * frame.total) / Math.max(whole, 1)).toFixed(1)} %`;
  const label = frame.name.slice(0, Math.max(0, Math.floor(width / CHARACTER) - 1));
  boxes.push(
    `<g><title>${escape(frame.name)}: ${share}</title>` +
      `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colourOf(frame.name)}"/>` +
      `<text x="${(x + 3).toFixed(1)}" y="${y + 13}">${escape(label)}</text></g>`,
  );
  let at = x;
  for (const child of [...frame.children.values()].sort((a, b) => b.total - a.total)) {
    draw(child, depth + 1, at, scale, whole, rows, boxes);
    at += child.total * scale;
  }
}

function depthOf(frame: Frame): number {
  return 1 + Math.max(0, ...[...frame.children.values()].map(depthOf));
}

/** The same function has the same colour in every graph. */
function colourOf(name: string): string {
  let hash = 0;
  for (const character of name) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) >>> 0;
  return `hsl(${hash % 60} 80% ${65 + (hash % 20)}%)`;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
