// The double of a grader: says what its configuration says, and counts letters for an embedding.
module.exports = class Grader {
  constructor(options) {
    this.config = (options && options.config) || {};
  }

  id() {
    return "grader";
  }

  async callApi(prompt) {
    const text = typeof prompt === "string" ? prompt : JSON.stringify(prompt);
    const found = (this.config.replies || []).find((one) => text.includes(one.match));
    return { output: found ? found.reply : this.config.reply };
  }

  async callEmbeddingApi(text) {
    const counts = new Array(26).fill(0);
    for (const letter of String(text).toLowerCase()) {
      const at = letter.charCodeAt(0) - 97;
      if (at >= 0 && at < 26) counts[at] += 1;
    }
    return { embedding: counts };
  }
};
