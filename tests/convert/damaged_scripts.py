"""Scripts that somebody has damaged: parts removed, doubled, mixed, or words of bash put in."""

import random

SCRIPTS = (
    """\
#!/bin/bash
N=${1:-3}
docker network create --driver bridge net && docker volume create data
sudo docker run -d --name "db" -p 5432:5432 --network net \\
  -e POSTGRES_PASSWORD='s3cret' -e "A=b $N" -v data:/var/lib/postgresql/data postgres:15 &> /dev/null
until docker exec db pg_isready; do sleep 1; done
i=1
while [ $i -lt $N ]
do
    docker rm -f node$i > /dev/null
    docker run -itd --net=net -h node$i --name node$i -v $(pwd)/x:/x:ro img:1 sh -c 'echo "$HOME"; sleep 5'
    i=$(( $i + 1 ))
done
""",
    """\
run() { docker run -d --restart=always --link db:pg --name $1 --mount type=bind,src=`pwd`/conf,dst=/conf,readonly "$2"; }
for name in a b {1..3}; do run "$name" "me:${TAG:-latest}"; done
if [ -z "$X" ]; then cat <<EOF
docker run no
EOF
else docker build -t me -f Dockerfile . || exit 1; fi
case $Y in a|b) docker stop a;; *) docker run --rm -it --entrypoint "" me;; esac
docker network connect --alias z net a; docker cp x a:/y; (cd sub; docker compose up -d) &
""",
)
_BITS = (
    "$( ) ` ' \" \\ ${ } {1..9} for if then fi done $(( )) <<E && || | ; [ ] [[ ]] case esac -p -v ::: -e =x $@ ${a[@]} f(){ --name --link "
    "--mount --network --health-cmd --env-file -it é \0 \r\n \ue000 # ~ * ${x/y/z} ((i++)) $1 !"
).split(" ")


def damaged(seed: int) -> str:
    """A damaged script; the same seed gives the same script."""
    chosen = random.Random(seed)
    text = chosen.choice(SCRIPTS)
    for _ in range(chosen.randint(1, 8)):
        start = chosen.randrange(len(text) + 1)
        end = min(len(text), start + chosen.randint(0, 60))
        match chosen.randrange(6):
            case 0:
                text = text[:start] + text[end:]
            case 1 | 2:
                text = (
                    f"{text[:start]}{chosen.choice(_BITS)}{chosen.choice(['', ' ', chr(10)])}{text[start:]}"
                )
            case 3:
                text = text[:start] + text[start:end] * chosen.randint(2, 40) + text[end:]
            case 4:
                other = chosen.choice(SCRIPTS)
                text = text[:start] + other[: chosen.randrange(len(other))] + text[end:]
            case 5:
                text = text[: max(start, 1)]
    return text
