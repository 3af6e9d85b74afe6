#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Input of the trace "git": makes the repository repo, with one commit for each version of four
# growing texts, the same at every run.

set -euo pipefail

export GIT_AUTHOR_NAME=author GIT_AUTHOR_EMAIL=author GIT_AUTHOR_DATE=2024-01-01T00:00:00Z
export GIT_COMMITTER_NAME=author GIT_COMMITTER_EMAIL=author
export GIT_COMMITTER_DATE=2024-01-01T00:00:00Z

git init -q -b main repo
for ((version = 1; version <= 110; version++)); do
	for text in Artistic BSD GPL-1 LGPL-2; do
		head -n $((version * 3)) "/usr/share/common-licenses/$text" >"repo/$text"
	done
	sed -i "${version}s/.*/changed in version $version/" repo/GPL-1
	git -C repo add .
	git -C repo commit -q -m "Version $version"
done
git -C repo gc -q
