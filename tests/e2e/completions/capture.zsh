# Prints what zsh offers for the line in $1, one word a line, by the completion script .script.zsh.
zmodload zsh/zpty
zpty shell zsh -f -i
setup=$(mktemp)
cat >$setup <<'SETUP'
PROMPT=
autoload -Uz compinit
compinit -u -D
source ./.script.zsh
bindkey '^I' complete-word
# Between these two lines are the words.
begin() { print -r -- '<begin>' }
finish() { print -r -- '<end>'; exit }
compprefuncs=(begin)
comppostfuncs=(finish)
# Lists the words in place of adding them; calls that only test or store words are left alone.
compadd() {
    if (( ${@[(I)-[OAD]]} )); then
        builtin compadd "$@"
        return
    fi
    local -a words
    builtin compadd -O words "$@"
    (( $#words )) && print -rl -- $words
    builtin compadd "$@"
}
print -r -- '<ready>'
SETUP
zpty -w shell "source $setup"
while zpty -r shell line; do
    [[ $line == *'<ready>'* && $line != *print* ]] && break
done
zpty -n -w shell "$1"$'\t'
shown=
while zpty -r shell line; do
    line=${line%%$'\r\n'}
    [[ $line == *'<end>'* ]] && break
    [[ -n $shown ]] && print -r -- $line
    [[ $line == *'<begin>'* ]] && shown=1
done
rm $setup
