//! The models that can be fetched by name. A new one is an entry here; a new use of models is a variant of `Use` with the
//! files that such a model must have.

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Text to vectors: `[embed]`.
    Embed,
    /// Question and passage to a score: `[rerank]`.
    Rerank,
}

impl Use {
    /// The files without which such a model cannot be used.
    pub(crate) fn files(self) -> &'static [&'static str] {
        match self {
            Self::Embed | Self::Rerank => &["config.json", "tokenizer.json", "model.safetensors"],
        }
    }

    /// Further files of such a model.
    pub(crate) fn more(self) -> &'static [&'static str] {
        match self {
            Self::Embed => &[
                "modules.json",
                "1_Pooling/config.json",
                "sentence_bert_config.json",
                "tokenizer_config.json",
                "config_sentence_transformers.json",
            ],
            Self::Rerank => &["sentence_bert_config.json", "tokenizer_config.json"],
        }
    }

    /// In a word or two, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embed => "embeddings",
            Self::Rerank => "reranking",
        }
    }
}

/// A model on the hub, at a commit that does not change.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Its name here.
    pub name: &'static str,
    /// What it is for.
    pub purpose: Use,
    /// What it is good at, and its size.
    pub about: &'static str,
    /// `owner/name` on the hub.
    pub repository: &'static str,
    /// The commit.
    pub revision: &'static str,
    /// Its files, the largest last.
    pub parts: &'static [Part],
}

/// A file of a model.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Its path on the hub and in the folder.
    pub path: &'static str,
    /// Its SHA-256; empty where the one that the hub tells is used.
    pub sha256: &'static str,
    /// Whether the model may do without it.
    pub optional: bool,
}

const fn part(path: &'static str, sha256: &'static str) -> Part {
    Part { path, sha256, optional: false }
}

const fn optional(path: &'static str) -> Part {
    Part { path, sha256: "", optional: true }
}

/// The models, the one to be preferred first.
pub const KNOWN: &[Known] = &[
    Known {
        name: "multilingual-e5-small",
        purpose: Use::Embed,
        about: "about 100 languages, 384 numbers, 490 MB",
        repository: "intfloat/multilingual-e5-small",
        revision: "614241f622f53c4eeff9890bdc4f31cfecc418b3",
        parts: &[
            part("config.json", ""),
            part("modules.json", ""),
            part("1_Pooling/config.json", ""),
            optional("sentence_bert_config.json"),
            optional("tokenizer_config.json"),
            part("tokenizer.json", ""),
            part(
                "model.safetensors",
                "1a55775f53449dac10a2bcbc312469fac40b96d53198c407081a831f81c98477",
            ),
        ],
    },
    Known {
        name: "all-MiniLM-L6-v2",
        purpose: Use::Embed,
        about: "English, 384 numbers, 91 MB",
        repository: "sentence-transformers/all-MiniLM-L6-v2",
        revision: "c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
        parts: &[
            part("config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
            part(
                "modules.json",
                "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
            ),
            part(
                "1_Pooling/config.json",
                "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
            ),
            part(
                "sentence_bert_config.json",
                "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
            ),
            optional("tokenizer_config.json"),
            part(
                "tokenizer.json",
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            ),
            part(
                "model.safetensors",
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            ),
        ],
    },
    // The weights of these two were never on the machine that this was written on. Commits and hashes are those that
    // several public projects pin, each on its own; what comes with another hash is refused.
    Known {
        name: "mmarco-mMiniLMv2-L12-H384-v1",
        purpose: Use::Rerank,
        about: "trained on 14 languages, 490 MB",
        repository: "cross-encoder/mmarco-mMiniLMv2-L12-H384-v1",
        revision: "1427fd652930e4ba29e8149678df786c240d8825",
        parts: &[
            part("config.json", "cc2cfe51aa3fd759d21d21acf5dfd6994aa67a3c9210636d22e143699d336c77"),
            optional("tokenizer_config.json"),
            part(
                "tokenizer.json",
                "62c24cdc13d4c9952d63718d6c9fa4c287974249e16b7ade6d5a85e7bbb75626",
            ),
            part(
                "model.safetensors",
                "5daeca2481a76b5976a2bdc32f0a78532b6716da4f8cd3ff59460ef8d2f359b4",
            ),
        ],
    },
    Known {
        name: "ms-marco-MiniLM-L6-v2",
        purpose: Use::Rerank,
        about: "English, 92 MB",
        repository: "cross-encoder/ms-marco-MiniLM-L6-v2",
        revision: "c5ee24cb16019beea0893ab7796b1df96625c6b8",
        parts: &[
            part("config.json", "380e02c93f431831be65d99a4e7e5f67c133985bf2e77d9d4eba46847190bacc"),
            optional("tokenizer_config.json"),
            part(
                "tokenizer.json",
                "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
            ),
            part(
                "model.safetensors",
                "821d1aa69520101d6e0737f78a042ae25b19e5cb9160701909d10434f4aeb0ae",
            ),
        ],
    },
];
