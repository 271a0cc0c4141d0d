export async function profileWorker(_seconds: number, _say: (s: string) => void): Promise<void> {}
