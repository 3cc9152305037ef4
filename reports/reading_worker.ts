/** The second thread of run_chunks.ts and piece_thread.ts: it reads what it is told of, and says what it read. */

import { messageOf } from "../runner/errors.ts";
import { type PieceMessage, type PiecesToRead, sendPieces } from "./piece_thread.ts";
import { type ChunksToRead, readChunks } from "./run_chunks.ts";

self.onmessage = ({ data }: MessageEvent<ChunksToRead | PiecesToRead>) => {
  const isRuns = data.kind === "runs";
  try {
    if (!isRuns) return sendPieces(data, (message, transfer) => self.postMessage(message, transfer));
    for (const chunk of readChunks(data)) self.postMessage(chunk);
    self.postMessage(null);
  } catch (error) {
    // A chunk that was not given back is read again by whoever asked, who then has the error itself.
    const failed: PieceMessage = isRuns ? null : { failed: messageOf(error) };
    self.postMessage(failed);
  }
};
