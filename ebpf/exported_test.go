package ebpf

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strings"
	"testing"
)

// Who uses the package needs to know nothing of the library beneath it: no exported function, type, field, constant or variable names
// one of its types. What is written out counts, which a type that is inferred is not.
func TestNoForeignTypesExported(t *testing.T) {
	ours := func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }
	for _, dir := range []string{".", "policyfile"} {
		files := token.NewFileSet()
		packages, err := parser.ParseDir(files, dir, ours, parser.SkipObjectResolution) //nolint:staticcheck // build tags are to be ignored here
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, p := range packages {
			for _, f := range p.Files {
				foreign := importsOf(f, "github.com/cilium/ebpf")
				for _, e := range exportedTypes(f) {
					seen++
					ast.Inspect(e, func(n ast.Node) bool {
						if s, ok := n.(*ast.SelectorExpr); ok && foreign[s.X.(*ast.Ident).Name] {
							t.Errorf("%v: %s.%s is exported", files.Position(s.Pos()), s.X, s.Sel)
						}
						return true
					})
				}
			}
		}
		if seen == 0 {
			t.Errorf("%s exports nothing", dir)
		}
	}
}

// importsOf returns the names by which a file imports packages below a path.
func importsOf(f *ast.File, below string) map[string]bool {
	names := make(map[string]bool)
	for _, i := range f.Imports {
		path := strings.Trim(i.Path.Value, `"`)
		if path != below && !strings.HasPrefix(path, below+"/") {
			continue
		}
		name := path[strings.LastIndexByte(path, '/')+1:]
		if i.Name != nil {
			name = i.Name.Name
		}
		names[name] = true
	}
	return names
}

// exportedTypes returns what exported declarations of a file say of types.
func exportedTypes(f *ast.File) (out []ast.Expr) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && (d.Recv == nil || isExported(d.Recv.List[0].Type)) {
				out = append(out, d.Type)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				out = append(out, exportedOf(s)...)
			}
		}
	}
	return out
}

// exportedOf is exportedTypes for a type, a constant or a variable.
func exportedOf(s ast.Spec) (out []ast.Expr) {
	switch s := s.(type) {
	case *ast.ValueSpec:
		if s.Names[0].IsExported() && s.Type != nil {
			out = append(out, s.Type)
		}
	case *ast.TypeSpec:
		fields, ok := s.Type.(*ast.StructType)
		if !s.Name.IsExported() {
			return nil
		}
		if !ok {
			return []ast.Expr{s.Type}
		}
		for _, f := range fields.Fields.List {
			if len(f.Names) == 0 && isExported(f.Type) || len(f.Names) > 0 && f.Names[0].IsExported() {
				out = append(out, f.Type)
			}
		}
	}
	return out
}

// isExported reports whether the type of a receiver, or one that is embedded, has an exported name.
func isExported(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.StarExpr:
		return isExported(e.X)
	case *ast.IndexExpr:
		return isExported(e.X)
	case *ast.SelectorExpr:
		return e.Sel.IsExported()
	case *ast.Ident:
		return e.IsExported()
	}
	return false
}
